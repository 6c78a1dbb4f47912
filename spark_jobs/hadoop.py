"""Hadoop's file systems, as the driver's JVM has them: local, HDFS, S3."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pyspark.sql import SparkSession


@dataclass(frozen=True)
class Folder:
    """A folder: its own name, where it lies, the bytes and the number of all files below it."""

    name: str
    location: str
    bytes: int
    files: int


class Hadoop:
    """The files that the jobs of one session read and write."""

    def __init__(self, spark: SparkSession) -> None:
        self._jvm: Any = spark.sparkContext._jvm
        self._conf = spark.sparkContext._jsc.hadoopConfiguration()

    def _open(self, location: str) -> tuple[Any, Any]:
        path = self._jvm.org.apache.hadoop.fs.Path(location)
        return path.getFileSystem(self._conf), path

    def folders(self, patterns: Iterable[str]) -> list[Folder]:
        """Return the folders that are there. Raises FileNotFoundError if there is none for a pattern."""
        return [folder for pattern in patterns for folder in self._folders(pattern)]

    def _folders(self, pattern: str) -> list[Folder]:
        system, path = self._open(pattern)
        found = [status.getPath() for status in system.globStatus(path) or ()]
        if not found:
            raise FileNotFoundError(f"there is no folder {pattern}")
        return [self._folder(system, one) for one in found]

    def _folder(self, system: Any, path: Any) -> Folder:
        summary = system.getContentSummary(path)
        return Folder(path.getName(), path.toString(), summary.getLength(), summary.getFileCount())

    def parquet_files(self, location: str, names: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
        """Return name, bytes and rows of each Parquet file of some folders below a place, in order.

        The rows are as a file's footer has them; a folder that is not there has no files.
        """
        return {name: self._parquet_files(f"{location}/{name}") for name in names}

    def _parquet_files(self, location: str) -> list[dict[str, Any]]:
        system, folder = self._open(location)
        listed = system.listStatus(folder) if system.exists(folder) else ()
        found = [one for one in listed if one.getPath().getName().endswith(".parquet")]
        return sorted((self._parquet_file(one) for one in found), key=lambda file: file["name"])

    def _parquet_file(self, status: Any) -> dict[str, Any]:
        parquet = self._jvm.org.apache.parquet.hadoop
        source = parquet.util.HadoopInputFile.fromStatus(status, self._conf)
        reader = parquet.ParquetFileReader.open(source)
        try:
            return {"name": status.getPath().getName(), "bytes": status.getLen(), "rows": reader.getRecordCount()}
        finally:
            reader.close()

    def copy_files(self, location: str, folders: Iterable[str]) -> None:
        """Copy the files of a folder to others, which are made."""
        system, folder = self._open(location)
        for status in system.listStatus(folder):
            for other in folders:
                target = self._jvm.org.apache.hadoop.fs.Path(other, status.getPath().getName())
                util = self._jvm.org.apache.hadoop.fs.FileUtil
                util.copy(system, status.getPath(), system, target, False, self._conf)

    def delete(self, folders: Iterable[str]) -> None:
        """Make folders be gone that may be there."""
        for folder in folders:
            system, path = self._open(folder)
            system.delete(path, True)

    def write_text(self, location: str, text: str) -> None:
        """Write a text file, over one that is there."""
        system, path = self._open(location)
        stream = system.create(path, True)
        try:
            stream.write(text.encode())
        finally:
            stream.close()
