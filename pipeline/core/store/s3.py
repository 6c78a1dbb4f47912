"""A store in a bucket of S3, or of anything that speaks its language."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, cast

from aiohttp import ClientError as TransportError
from botocore.exceptions import BotoCoreError
from fsspec.asyn import sync

from pipeline.core.errors import SourceUnavailable
from pipeline.core.store.base import Found, Listed, Store, Upload, is_hidden, refuse_kept
from pipeline.core.store.local import walk
from pipeline.core.store.s3_connection import FILES_AT_ONCE, Connection, connect
from pipeline.core.store.s3_deletes import delete_keys
from pipeline.core.store.s3_errors import answering, error_code, said
from pipeline.core.store.s3_files import NewObject, StoredObject
from pipeline.core.store.s3_unchanging import Unchanging

# A conflict is over when the other request is: S3 says to send a put that met one again.
CONFLICT_WAIT_SECONDS = (0.1, 0.2, 0.4, 0.8, 1.6)
ABORT_AT_ONCE = 16


class S3Store(Store):
    """Objects below s3://bucket/prefix, which a setting names. The credentials are those that boto3 would find."""

    checksum_kind = "etag"

    def __init__(self, root: str, endpoint_url: str = "", region: str = "", setting: str = "[lake] root"):
        self.bucket, _, prefix = root.removeprefix("s3://").strip("/").partition("/")
        self.prefix = f"{prefix}/" if prefix else ""
        self.endpoint_url, self.region, self.setting = endpoint_url, region, setting

    @property
    def fs(self) -> Connection:
        """The connections of this process, which a child forked from it does not use."""
        return connect(os.getpid(), self.endpoint_url, self.region)

    def unchanging(self) -> Unchanging:
        """Return the files of S3 for a reader that takes it that nobody changes them."""
        return Unchanging(self.fs)

    def url(self, path: str) -> str:
        return f"s3://{self.bucket}/{self._key(path)}".rstrip("/")

    def read(self, path: str) -> Found | None:
        with self._answering(path):
            try:
                return sync(self.fs.loop, _get, self.fs, self.bucket, self._key(path))
            except FileNotFoundError as error:
                if error_code(error) in ("NoSuchKey", "404"):
                    return None
                raise

    def create(self, path: str, data: bytes) -> bool:
        return self._put_if(path, data, IfNoneMatch="*")

    def replace(self, path: str, data: bytes, version: str) -> bool:
        return self._put_if(path, data, IfMatch=version)

    def list(self, folder: str) -> Iterator[Listed]:
        prefix = self._prefix(folder)
        for item in self._items(folder):
            below = item["Key"].removeprefix(prefix)
            if not below.endswith("/") and not any(map(is_hidden, below.split("/"))):
                path, version = item["Key"].removeprefix(self.prefix), item["ETag"].strip('"')
                yield Listed(path, item["Size"], item["LastModified"], version)

    def checksum(self, listed: Listed) -> str:
        # No MD5 where an object came in parts or has a key of KMS, but always another for other bytes.
        return f"{self.checksum_kind}:{listed.version}"

    def delete(self, paths: Iterable[str]) -> None:
        with self._answering(""):
            errors = list(delete_keys(self.fs, self.bucket, map(self._key, paths)))
        refuse_kept("deleted", [f"s3://{self.bucket}/{error['Key']} ({error['Code']})" for error in errors])

    def clear(self, folders: Iterable[str]) -> None:
        self.delete(item["Key"].removeprefix(self.prefix) for folder in folders for item in self._items(folder))

    def uploads(self) -> Iterator[Upload]:
        page: dict[str, Any] = {}
        while True:
            asked = {"Bucket": self.bucket, "Prefix": self.prefix, **_next_uploads(page)}
            with self._answering(""):
                page = self.fs.call_s3("list_multipart_uploads", **asked)
            for item in page.get("Uploads", ()):
                yield Upload(item["Key"].removeprefix(self.prefix), item["UploadId"], item["Initiated"])
            if not page.get("IsTruncated"):
                return

    def abort(self, uploads: Iterable[Upload]) -> None:
        waiting, kept = iter(uploads), []
        while some := list(islice(waiting, ABORT_AT_ONCE)):
            asked = [{"Bucket": self.bucket, "Key": self._key(one.path), "UploadId": one.id} for one in some]
            errors = sync(self.fs.loop, _errors, self.fs, "abort_multipart_upload", asked)
            kept += [f"{self.url(one.path)} ({said(error)})" for one, error in zip(some, errors, strict=True) if error]
        refuse_kept("aborted", kept)

    def open(self, path: str, mode: str) -> BinaryIO:
        kind = NewObject if mode == "wb" else StoredObject
        return cast(BinaryIO, kind(self.fs, self._object(path), lambda: self._answering(path)))

    def upload(self, folder: Path, path: str) -> None:
        names = [listed.path for listed in walk(folder)]
        here, there = [str(folder / name) for name in names], [self._object(f"{path}/{name}") for name in names]
        with self._answering(path):
            self.fs.put(here, there, batch_size=FILES_AT_ONCE)

    def download(self, path: str, folder: Path) -> None:
        copies = {one: folder / one.path.removeprefix(path.strip("/")).lstrip("/") for one in self.list(path)}
        there, here = [self._object(one.path) for one in copies], [str(copy) for copy in copies.values()]
        with self._answering(path):
            self.fs.get(there, here, batch_size=FILES_AT_ONCE)
        for one, copy in copies.items():
            self._check_whole(one, copy.stat().st_size)

    def _check_whole(self, listed: Listed, came: int) -> None:
        if came != listed.bytes:
            raise SourceUnavailable(
                f"{self.url(listed.path)} has {listed.bytes:,} bytes, of which {came:,} came."
                " It was replaced meanwhile, or something on the way cuts it: run it again."
            )

    def sync(self, paths: Iterable[str]) -> None:
        """S3 answers a put when it is durable."""

    def _items(self, folder: str) -> Iterator[dict[str, Any]]:
        """Yield all that is below a folder, as S3 describes it."""
        page: dict[str, Any] = {}
        while True:
            with self._answering(folder):
                asked = {"Bucket": self.bucket, "Prefix": self._prefix(folder), **_next(page)}
                page = self.fs.call_s3("list_objects_v2", **asked)
            yield from page.get("Contents", ())
            if not page.get("IsTruncated"):
                return

    def _prefix(self, folder: str) -> str:
        return self._key(f"{folder.strip('/')}/".lstrip("/"))

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
                    if error_code(error) in ("PreconditionFailed", "412", "NoSuchKey"):
                        return False
                    if error_code(error) not in ("ConditionalRequestConflict", "409") or wait_seconds is None:
                        raise
            time.sleep(wait_seconds)
        raise AssertionError

    def _answering(self, path: str) -> AbstractContextManager[None]:
        """Say of any failure which place it was about."""
        return answering(self.url(path), self.endpoint_url, self.setting)


async def _get(fs: Connection, bucket: str, key: str, tries: int = 3) -> Found:
    reply = await fs._call_s3("get_object", Bucket=bucket, Key=key)
    try:
        async with reply["Body"] as body:
            return Found(await body.read(), reply["ETag"])
    except (TransportError, BotoCoreError):
        # It broke off or fell silent in the middle, and what sends requests again knows only how it began.
        if tries == 1:
            raise
        return await _get(fs, bucket, key, tries - 1)


def _next(page: dict[str, Any]) -> dict[str, str]:
    token = page.get("NextContinuationToken")
    return {"ContinuationToken": token} if token else {}


def _next_uploads(page: dict[str, Any]) -> dict[str, str]:
    """Return what asks for the page after this one; of several uploads to one key, the page may end between two."""
    names = {"KeyMarker": "NextKeyMarker", "UploadIdMarker": "NextUploadIdMarker"}
    return {name: page[found] for name, found in names.items() if page.get(found)}


async def _errors(fs: Connection, method: str, requests: list[dict[str, str]]) -> list[BaseException | None]:
    """Return what went wrong with each of some requests that are made at once, but for what was gone already."""
    replies = await asyncio.gather(*(fs._call_s3(method, **one) for one in requests), return_exceptions=True)
    failures = (reply if isinstance(reply, BaseException) else None for reply in replies)
    return [None if failure and error_code(failure) == "NoSuchUpload" else failure for failure in failures]
