"""The connections of a process to S3, how long they wait and how much they hold."""

from __future__ import annotations

import asyncio
from functools import cache
from math import ceil
from pathlib import Path

from botocore.exceptions import EndpointConnectionError
from fsspec.asyn import sync_wrapper
from s3fs import S3FileSystem
from s3fs.core import add_retryable_error

from pipeline.core.store.requests import SENDING, note_request

CONNECT_SECONDS = 5
SILENCE_SECONDS = 15
CALL_SECONDS = 600
# Copying holds files x parts in memory, however large the files: 64 MiB, and as much again on its way.
PART_BYTES = 8 << 20
FILES_AT_ONCE = 4
PARTS_AT_ONCE = 2
# S3 takes no more parts than this of one object.
MAX_PARTS = 10_000
# What refuses connections is tried as often as what is busy: it may be about to start.
add_retryable_error(EndpointConnectionError)


class Connection(S3FileSystem):
    """s3fs, with an end to every call, a note of it, and parts of which ten thousand make the largest file."""

    async def set_session(self, *args, **kwargs):
        client = await super().set_session(*args, **kwargs)
        # With an id, a client takes it once.
        client.meta.events.register(SENDING, note_request, unique_id=SENDING)
        return client

    async def _call_s3(self, method, *akwarglist, **kwargs):
        # SILENCE_SECONDS count from the last byte of a request on: nothing else ends one that S3 stopped taking in.
        call = super()._call_s3(method, *akwarglist, **kwargs)
        try:
            return await asyncio.wait_for(call, CALL_SECONDS)
        except asyncio.TimeoutError as error:
            raise ConnectionError(f"no answer to {method} within {CALL_SECONDS} seconds") from error

    # What s3fs made of its own method calls that one.
    call_s3 = sync_wrapper(_call_s3)

    async def _put_file(self, lpath, rpath, *args, **kwargs):
        part_bytes = max(PART_BYTES, ceil(Path(lpath).stat().st_size / MAX_PARTS))
        return await super()._put_file(lpath, rpath, *args, **{"chunksize": part_bytes} | kwargs)


@cache
def connect(pid: int, endpoint_url: str, region: str) -> Connection:
    """Return the one file system of a process; the cache holds it for ever.

    A child keeps its parent's too: fsspec's own cache drops it there. Once it is collected, the parent's sockets may
    be out of the epoll that both share, and its next request then waits 15 s for a reply that nobody watches for.
    """
    fs = Connection(
        endpoint_url=endpoint_url or None,
        client_kwargs={"region_name": region} if region else {},
        config_kwargs={
            "retries": {"mode": "standard", "total_max_attempts": 3},
            "connect_timeout": CONNECT_SECONDS,
            "read_timeout": SILENCE_SECONDS,
        },
        default_block_size=PART_BYTES,
        max_concurrency=PARTS_AT_ONCE,
        use_listings_cache=False,
    )
    # Its own default of five, over botocore's three, makes an endpoint that is down take minutes.
    fs.retries = 2
    return fs
