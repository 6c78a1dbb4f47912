"""A store in a bucket of S3, or of anything that speaks its language."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, cast

from aiohttp import ClientError as TransportError
from botocore.exceptions import BotoCoreError, ClientError
from fsspec.asyn import sync
from s3fs import S3FileSystem

from pipeline.core.errors import SourceUnavailable, one_line
from pipeline.core.store.base import Found, Listed, NewFile, Store
from pipeline.core.store.local import walk

# A conflict is over when the other request is: S3 says to send a put that met one again.
CONFLICT_WAIT_SECONDS = (0.1, 0.2, 0.4, 0.8, 1.6)
DELETE_AT_ONCE = 1000
FAILURES = (OSError, BotoCoreError, TransportError, asyncio.TimeoutError)


class S3Store(Store):
    """Objects below s3://bucket/prefix. The credentials are those that boto3 would find."""

    def __init__(self, root: str, endpoint_url: str = "", region: str = ""):
        self.bucket, _, prefix = root.removeprefix("s3://").strip("/").partition("/")
        self.prefix = f"{prefix}/" if prefix else ""
        self.endpoint_url, self.region = endpoint_url, region

    @property
    def fs(self) -> S3FileSystem:
        """The connections of this process, which a child forked from it does not use."""
        return _connect(os.getpid(), self.endpoint_url, self.region)

    def url(self, path: str) -> str:
        return f"s3://{self.bucket}/{self._key(path)}".rstrip("/")

    def read(self, path: str) -> Found | None:
        with self._answering(path):
            try:
                return sync(self.fs.loop, _get, self.fs, self.bucket, self._key(path))
            except FileNotFoundError as error:
                if _code(error) in ("NoSuchKey", "404"):
                    return None
                raise

    def create(self, path: str, data: bytes) -> bool:
        return self._put_if(path, data, IfNoneMatch="*")

    def replace(self, path: str, data: bytes, version: str) -> bool:
        return self._put_if(path, data, IfMatch=version)

    def list(self, folder: str) -> Iterator[Listed]:
        prefix = self._key(f"{folder.strip('/')}/".lstrip("/"))
        page: dict[str, Any] = {}
        while True:
            with self._answering(folder):
                page = self.fs.call_s3("list_objects_v2", Bucket=self.bucket, Prefix=prefix, **_next(page))
            for item in page.get("Contents", ()):
                if not item["Key"].endswith("/") and "/." not in item["Key"].removeprefix(prefix[:-1]):
                    yield Listed(item["Key"].removeprefix(self.prefix), item["Size"])
            if not page.get("IsTruncated"):
                return

    def delete(self, paths: Iterable[str]) -> None:
        keys, kept = iter(paths), []
        while some := [{"Key": self._key(path)} for path in islice(keys, DELETE_AT_ONCE)]:
            with self._answering(""):
                reply = self.fs.call_s3("delete_objects", Bucket=self.bucket, Delete={"Objects": some, "Quiet": True})
            kept += [f"s3://{self.bucket}/{error['Key']} ({error['Code']})" for error in reply.get("Errors", ())]
        if kept:
            raise SourceUnavailable(f"could not be deleted: {', '.join(kept)}")

    def open(self, path: str, mode: str) -> BinaryIO:
        if mode == "rb":
            with self._answering(path):
                return self.fs.open(self._object(path), "rb")
        return cast(BinaryIO, _NewObject(self, path))

    def upload(self, folder: Path, path: str) -> None:
        names = [listed.path for listed in walk(folder)]
        with self._answering(path):
            self.fs.put([str(folder / name) for name in names], [self._object(f"{path}/{name}") for name in names])

    def download(self, path: str, folder: Path) -> None:
        paths = [listed.path for listed in self.list(path)]
        names = [found.removeprefix(path.strip("/")).lstrip("/") for found in paths]
        with self._answering(path):
            self.fs.get([self._object(found) for found in paths], [str(folder / name) for name in names])

    def sync(self, paths: Iterable[str]) -> None:
        """S3 answers a put when it is durable."""

    def _key(self, path: str) -> str:
        return self.prefix + path

    def _object(self, path: str) -> str:
        return f"{self.bucket}/{self._key(path)}"

    def _put_if(self, path: str, data: bytes, **condition: str) -> bool:
        for wait_seconds in (*CONFLICT_WAIT_SECONDS, None):
            with self._answering(path):
                try:
                    self.fs.call_s3("put_object", Bucket=self.bucket, Key=self._key(path), Body=data, **condition)
                    return True
                except OSError as error:
                    # NoSuchKey: what was to be replaced is gone.
                    if _code(error) in ("PreconditionFailed", "412", "NoSuchKey"):
                        return False
                    if _code(error) not in ("ConditionalRequestConflict", "409") or wait_seconds is None:
                        raise
            time.sleep(wait_seconds)
        raise AssertionError

    @contextmanager
    def _answering(self, path: str) -> Iterator[None]:
        """Say of any failure which place it was about."""
        try:
            yield
        except FAILURES as error:
            raise SourceUnavailable(
                f"{self.url(path)} at {self.endpoint_url or 'AWS'}: {one_line(error)}. "
                "Look at [lake] root and endpoint_url, and at the AWS credentials."
            ) from error


class _NewObject(NewFile):
    def __init__(self, store: S3Store, path: str):
        self._answering = lambda: store._answering(path)
        with self._answering():
            self._file = store.fs.open(store._object(path), "wb")

    def put(self, data) -> int:
        with self._answering():
            return self._file.write(data)

    def keep(self) -> None:
        with self._answering():
            self._file.close()

    def drop(self) -> None:
        # Else it would try to put what was discarded when it is collected, and complain.
        self._file.closed = True
        with suppress(*FAILURES):
            self._file.discard()


@cache
def _connect(pid: int, endpoint_url: str, region: str) -> S3FileSystem:
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


async def _get(fs: S3FileSystem, bucket: str, key: str) -> Found:
    reply = await fs._call_s3("get_object", Bucket=bucket, Key=key)
    async with reply["Body"] as body:
        return Found(await body.read(), reply["ETag"])


def _next(page: dict[str, Any]) -> dict[str, str]:
    token = page.get("NextContinuationToken")
    return {"ContinuationToken": token} if token else {}


def _code(error: BaseException) -> str:
    """Return S3's own word for an error that s3fs translated."""
    cause = error.__cause__
    return cause.response["Error"]["Code"] if isinstance(cause, ClientError) else ""
