"""What goes wrong with S3, in words of ours, and what to do about it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from socket import gaierror

from aiohttp import ClientConnectorError
from aiohttp import ClientError as TransportError
from botocore import exceptions as botocore
from botocore.exceptions import BotoCoreError, ClientError

from pipeline.core.errors import SourceUnavailable, one_line

FAILURES = (OSError, BotoCoreError, TransportError, asyncio.TimeoutError)
SILENT = (botocore.ReadTimeoutError, asyncio.TimeoutError)
BROKEN = (botocore.HTTPClientError, botocore.EndpointConnectionError, TransportError)
WITHOUT_CREDENTIALS = (
    botocore.NoCredentialsError,
    botocore.PartialCredentialsError,
    botocore.CredentialRetrievalError,
    botocore.ProfileNotFound,
)
# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html; 403 is all that a HEAD says.
REFUSED_CREDENTIALS = ("InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken")
FORBIDDEN = ("AccessDenied", "403")
ELSEWHERE = ("PermanentRedirect", "301", "AuthorizationHeaderMalformed")


@contextmanager
def answering(url: str, endpoint_url: str, setting: str) -> Iterator[None]:
    """Say of any failure which place it was about, and what to do; setting is what names the place in luigi.cfg."""
    try:
        yield
    except FAILURES as error:
        raise SourceUnavailable(_meaning(error, url, endpoint_url, setting)) from error


def error_code(error: BaseException) -> str:
    """Return S3's own word for an error that s3fs translated."""
    reply = _reply(error)
    return reply["Code"] if reply else ""


def said(error: BaseException) -> str:
    """Return what S3, or what stands between, says is wrong, on one line."""
    if reply := _reply(error):
        return " ".join(f"{reply['Code']}: {reply.get('Message', '')}".split()).rstrip(".: ")
    if isinstance(error, botocore.SSLError):
        return f"no secure connection: {error.kwargs['error']}"
    if isinstance(error, SILENT):
        return "no answer in time"
    if isinstance(error, BROKEN):
        return "the connection was lost"
    return " ".join(str(error).split()).rstrip(".") or one_line(error)


def _meaning(error: BaseException, url: str, endpoint_url: str, setting: str) -> str:
    code, place = error_code(error), f"{url} at {endpoint_url or 'AWS'}"
    if _is_unreachable(error):
        advice = "[lake] endpoint_url" if endpoint_url else "[lake] region"
        return f"S3 at {endpoint_url or 'AWS'} cannot be reached. Is it up, and is {advice} right?"
    if code == "NoSuchBucket":
        return f"{place}: the bucket {url.split('/')[2]} does not exist. Look at {setting}."
    if isinstance(error, FileNotFoundError):
        return f"{place}: it is not there. Look at {setting}."
    if code in ELSEWHERE:
        return f"{place}: {said(error)}. Look at [lake] region."
    if code in REFUSED_CREDENTIALS or isinstance(error, WITHOUT_CREDENTIALS):
        return f"{place}: {said(error)}. Look at the AWS credentials."
    if code in FORBIDDEN:
        return f"{place}: {said(error)}. Look at the AWS credentials, and at what they may do there."
    return f"{place}: {said(error)}. Run it again; if it stays so, look at {setting}."


def _is_unreachable(error: BaseException) -> bool:
    # botocore says the same of a connection that was lost while something was sent.
    if isinstance(error, botocore.EndpointConnectionError):
        return isinstance(error.kwargs["error"], (ClientConnectorError, gaierror))
    return isinstance(error, (botocore.ConnectTimeoutError, botocore.ProxyConnectionError))


def _reply(error: BaseException) -> dict[str, str] | None:
    cause = error.__cause__ or error.__context__
    return cause.response["Error"] if isinstance(cause, ClientError) else None
