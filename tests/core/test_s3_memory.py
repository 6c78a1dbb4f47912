"""However large a file is, copying it to S3 and back takes the same memory."""

import subprocess
import sys

import pytest
from fixtures_s3 import REGION, new_bucket

from pipeline.core.store.s3 import S3Store

FILE_BYTES = 192 << 20
LIMIT_BYTES = 96 << 20
# In a process of its own, since the peak counts for ever; getrusage would even tell that of the parent.
PROGRAM = f"""
import re, sys
from pathlib import Path
from pipeline.core.store.s3 import S3Store

def peak():
    return int(re.search("VmHWM:[^0-9]*([0-9]+)", Path("/proc/self/status").read_text())[1]) * 1024

root, endpoint, copy, folder = sys.argv[1:]
store = S3Store(root, endpoint, "{REGION}")
store.read("nothing")
before = peak()
store.upload(Path(folder), "d") if copy == "upload" else store.download("d", Path(folder))
print(peak() - before)
"""


@pytest.fixture
def store(ministack):
    """A store whose files do not stay in the memory of its server."""
    store = S3Store(new_bucket(ministack), ministack, REGION)
    yield store
    store.clear(["d"])


def bytes_taken_by(copy, store, folder):
    arguments = [store.url(""), store.endpoint_url, copy, str(folder)]
    done = subprocess.run([sys.executable, "-c", PROGRAM, *arguments], capture_output=True, text=True, check=True)
    return int(done.stdout)


def test_a_large_file_goes_up_and_comes_down_in_little_memory(store, tmp_path):
    (tmp_path / "up").mkdir()
    with (tmp_path / "up/file").open("wb") as file:
        file.truncate(FILE_BYTES)

    taken = [bytes_taken_by("upload", store, tmp_path / "up"), bytes_taken_by("download", store, tmp_path / "down")]

    assert (tmp_path / "down/file").stat().st_size == FILE_BYTES
    assert max(taken) < LIMIT_BYTES < FILE_BYTES, taken
