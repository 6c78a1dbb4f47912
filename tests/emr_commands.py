"""The commands that a step may call on a cluster, on this machine: emr_commands.py COMMAND ARGUMENT ...

s3-dist-cp copies between the S3 server at $EMR_S3 and the folder $EMR_HDFS, which stands for HDFS; spark-submit runs
Spark for real, on copies of what it needs of S3; hadoop and hdfs remove, make and look for folders.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

# In the installed Spark's own folder, which is not imported: that takes half a second.
SPARK = Path(next(iter(find_spec("pyspark").submodule_search_locations)))  # type: ignore[union-attr,arg-type]
FLAGS = ("--verbose", "-v", "--supervise")
HDFS = Path(os.environ.get("EMR_HDFS", "hdfs"))
IN_HDFS = re.compile(r"\bhdfs://[^/]*(?=/)")
# A JVM that lives for seconds is not worth the better compiler.
SHORT_LIVED = "-XX:TieredStopAtLevel=1"


class NoSuchFiles(Exception):
    """What was to be read is not there."""


def s3_dist_cp(arguments: list[str]) -> int:
    """Copy files whose whole path fits a pattern. It fails where there are none, as Amazon's does."""
    parser = argparse.ArgumentParser(prog="s3-dist-cp")
    for name in ("--src", "--dest"):
        parser.add_argument(name, required=True)
    parser.add_argument("--srcPattern", default=".*")
    parser.add_argument("--deleteOnSuccess", action="store_true")
    options = parser.parse_args(arguments)
    source, target = options.src.rstrip("/"), options.dest.rstrip("/")
    found = [name for name in _names(source) if re.fullmatch(options.srcPattern, f"{source}/{name}")]
    if not found:
        raise NoSuchFiles(
            "org.apache.hadoop.mapreduce.lib.input.InvalidInputException: Input path does not exist: "
            f"hdfs:/tmp/files, for there is nothing to copy in {source}"
        )
    for name in found:
        _copy(f"{source}/{name}", f"{target}/{name}")
    for name in found if options.deleteOnSuccess else ():
        _local(f"{source}/{name}").unlink()
    return 0


def _names(location: str) -> Iterator[str]:
    """Yield the paths of the files below a location, seen from it."""
    if location.startswith("hdfs:"):
        folder = _local(location)
        # HDFS keeps its checksums elsewhere, where a local folder of Hadoop's has .crc files beside the data.
        files = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".crc")
        yield from sorted(str(path.relative_to(folder)) for path in files)
        return
    bucket, key = _bucket_and_key(location)
    for page in _s3().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{key}/"):
        yield from (item["Key"].removeprefix(f"{key}/") for item in page.get("Contents", ()))


def _copy(source: str, target: str) -> None:
    if source.startswith("hdfs:"):
        _s3().upload_file(str(_local(source)), *_bucket_and_key(target))
    else:
        _fetch(source, _local(target))


def _fetch(location: str, path: Path) -> Path:
    """Return the local file that a file of S3 was copied to."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _s3().download_file(*_bucket_and_key(location), str(path))
    return path


def _s3():
    import boto3

    return boto3.client("s3", endpoint_url=os.environ["EMR_S3"])


def _bucket_and_key(location: str) -> tuple[str, str]:
    bucket, _, key = location.removeprefix("s3://").partition("/")
    return bucket, key


def _local(location: str) -> Path:
    """Return the local path that stands for one in HDFS."""
    return Path(IN_HDFS.sub(str(HDFS), location))


def spark_submit(arguments: list[str]) -> int:
    """Run an application, and say what YARN's client says of one whose driver has a container, with logs of its own."""
    with tempfile.TemporaryDirectory(prefix="emr-submit-") as scratch:
        command = _submit_line([_as_file(one, Path(scratch)) for one in arguments], Path(scratch))
        environment = {**os.environ, "SPARK_HOME": str(SPARK), "SPARK_LOCAL_IP": "127.0.0.1", "PYTHONPATH": ""}
        # Spark would take the second first, where the environment has it.
        environment |= dict.fromkeys(("PYSPARK_PYTHON", "PYSPARK_DRIVER_PYTHON"), str(_bare_python(Path(scratch))))
        number = f"{round(time.time() * 1000)}_0001"
        if "cluster" not in arguments:
            # The driver runs in the step, and what it says is the step's.
            return subprocess.run(command, env=environment, check=False).returncode
        container = Path(os.environ["EMR_CONTAINERS"], f"application_{number}", f"container_{number}_01_000001")
        container.mkdir(parents=True)
        with (container / "stdout").open("w") as output, (container / "stderr").open("w") as errors:
            ended = subprocess.run(command, stdout=output, stderr=errors, env=environment, check=False)
    sys.stderr.write(_told_by_client(f"application_{number}", ended.returncode))
    return 1 if ended.returncode else 0


def _as_file(argument: str, scratch: Path) -> str:
    """Return an argument with places of this machine in the place of HDFS, and copies of what is in S3."""
    argument = IN_HDFS.sub(f"file://{HDFS}", argument)
    copied = re.sub(r"s3://[^,\s]+\.(?:py|zip)\b", lambda m: str(_fetch(m[0], scratch / Path(m[0]).name)), argument)
    if "s3://" in copied:
        raise NoSuchFiles(f"no file system for {copied}: this cluster reads S3 by way of s3-dist-cp")
    return copied


def _submit_line(arguments: list[str], scratch: Path) -> list[str]:
    """Return a line that runs here what was to run on YARN."""
    options: list[str] = []
    while arguments and arguments[0].startswith("-"):
        taken = 1 if arguments[0] in FLAGS or "=" in arguments[0] else 2
        if arguments[0] not in ("--master", "--deploy-mode"):
            options += arguments[:taken]
        arguments = arguments[taken:]
    here = ["spark.ui.enabled=false", "spark.driver.host=127.0.0.1", f"spark.local.dir={scratch}/local"]
    confs = [part for one in here for part in ("--conf", one)]
    java = ["--driver-java-options", f"{os.environ.get('EMR_JAVA_OPTIONS', '')} {SHORT_LIVED}".strip()]
    return [str(SPARK / "bin/spark-submit"), "--master", "local[1]", *java, *confs, *options, *arguments]


def _bare_python(scratch: Path) -> Path:
    """Return a Python that has nothing installed, as a cluster's has nothing of this project."""
    path = scratch / "python"
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "$@"\n')
    path.chmod(0o755)
    return path


def _told_by_client(application: str, code: int) -> str:
    """Return what YARN's client says of an application that has ended."""
    said = [
        f"INFO Client: Application report for {application} (state: FINISHED)",
        f"\t tracking URL: http://ip-10-0-0-1.eu-west-1.compute.internal:20888/proxy/{application}/",
    ]
    if code:
        said += [
            f"ERROR Client: Application diagnostics message: User application exited with status {code}",
            'Exception in thread "main" org.apache.spark.SparkException: '
            f"Application {application} finished with failed status",
            "\tat org.apache.spark.deploy.yarn.Client.run(Client.scala:1336)",
        ]
    return "".join(f"{line}\n" for line in said)


def hadoop(arguments: list[str]) -> int:
    """Remove, make or look for folders: hadoop fs -rm | -mkdir | -test, hdfs dfs likewise."""
    _, verb, *rest = arguments
    flags = {one for one in rest if one.startswith("-")}
    paths = [_local(one) for one in rest if not one.startswith("-")]
    if verb == "-test":
        return 0 if all(path.exists() for path in paths) else 1
    if verb == "-mkdir":
        for path in paths:
            path.mkdir(parents="-p" in flags)
        return 0
    if verb != "-rm":
        raise NoSuchFiles(f"{verb}: unknown command")
    for path in (there := [path for path in paths if path.exists()]):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        print(f"Deleted {path}")
    return 1 if there != paths and "-f" not in flags else 0


COMMANDS = {"s3-dist-cp": s3_dist_cp, "spark-submit": spark_submit, "hadoop": hadoop, "hdfs": hadoop}


def install(folder: Path) -> None:
    """Put the commands into a folder that is to come first on the PATH of a step."""
    for name in COMMANDS:
        path = folder / name
        path.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{Path(__file__).resolve()}" {name} "$@"\n')
        path.chmod(0o755)


if __name__ == "__main__":
    try:
        sys.exit(COMMANDS[sys.argv[1]](sys.argv[2:]))
    except NoSuchFiles as error:
        sys.exit(f'Exception in thread "main" java.lang.RuntimeException: Error running job\nCaused by: {error}')
