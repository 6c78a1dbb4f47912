"""Hadoop's file systems, as the driver's JVM has them: local, HDFS, S3."""

from __future__ import annotations

from typing import Any

from pyspark.sql import SparkSession


class Hadoop:
    """The files that the jobs of one session read and write."""

    def __init__(self, spark: SparkSession) -> None:
        self._jvm: Any = spark.sparkContext._jvm
        self._conf = spark.sparkContext._jsc.hadoopConfiguration()

    def _open(self, location: str) -> tuple[Any, Any]:
        path = self._jvm.org.apache.hadoop.fs.Path(location)
        return path.getFileSystem(self._conf), path

    def size(self, location: str) -> int:
        """Return the bytes of all files below a folder."""
        system, path = self._open(location)
        return system.getContentSummary(path).getLength()

    def parquet_files(self, location: str) -> list[dict[str, Any]]:
        """Return name, bytes and rows of each Parquet file of a folder, in order; the rows as its footer has them."""
        system, folder = self._open(location)
        found = [one for one in system.listStatus(folder) if one.getPath().getName().endswith(".parquet")]
        return sorted((self._parquet_file(one) for one in found), key=lambda file: file["name"])

    def _parquet_file(self, status: Any) -> dict[str, Any]:
        parquet = self._jvm.org.apache.parquet.hadoop
        source = parquet.util.HadoopInputFile.fromStatus(status, self._conf)
        reader = parquet.ParquetFileReader.open(source)
        try:
            return {"name": status.getPath().getName(), "bytes": status.getLen(), "rows": reader.getRecordCount()}
        finally:
            reader.close()

    def write_text(self, location: str, text: str) -> None:
        """Write a text file, over one that is there."""
        system, path = self._open(location)
        stream = system.create(path, True)
        try:
            stream.write(text.encode())
        finally:
            stream.close()
