"""The connections of a process to S3, and what may go wrong on them."""

from __future__ import annotations

import asyncio
from functools import cache

from aiohttp import ClientError as TransportError
from botocore.exceptions import BotoCoreError, ClientError
from s3fs import S3FileSystem

FAILURES = (OSError, BotoCoreError, TransportError, asyncio.TimeoutError)


@cache
def connect(pid: int, endpoint_url: str, region: str) -> S3FileSystem:
    """Return the one file system of a process; the cache holds it for ever.

    A child keeps its parent's too: fsspec's own cache drops it there. Once it is collected, the parent's sockets may
    be out of the epoll that both share, and its next request then waits 15 s for a reply that nobody watches for.
    """
    fs = S3FileSystem(
        endpoint_url=endpoint_url or None,
        client_kwargs={"region_name": region} if region else {},
        config_kwargs={"retries": {"mode": "standard", "total_max_attempts": 3}},
        use_listings_cache=False,
    )
    # Its own default of five, over botocore's three, makes an endpoint that is down take minutes.
    fs.retries = 2
    return fs


def error_code(error: BaseException) -> str:
    """Return S3's own word for an error that s3fs translated."""
    cause = error.__cause__
    return cause.response["Error"]["Code"] if isinstance(cause, ClientError) else ""
