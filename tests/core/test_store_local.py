"""What a store in a local folder promises beside what every store does."""

import resource
from contextlib import contextmanager
from pathlib import Path

import pytest
from fixtures_lake import put

from pipeline.core.errors import SourceUnavailable
from pipeline.core.store.local import LocalStore


def test_a_local_folder_whose_clearing_was_ended_in_the_middle_is_still_listed(tmp_path, monkeypatch):
    store = LocalStore(str(tmp_path))
    put(store, "d/a/.part.crc", "d/a/part", "d/a/z/.part.crc")
    unlink = Path.unlink
    monkeypatch.setattr(Path, "unlink", lambda path, **_: [unlink(path), path.name == "part" and 1 / 0])

    with pytest.raises(ZeroDivisionError):
        store.clear(["d/a"])

    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_local_delete_names_each_path_that_stays(tmp_path):
    store = LocalStore(str(tmp_path))
    put(store, "a", "folder/x", "b", "other/x")

    with pytest.raises(SourceUnavailable, match=rf"{tmp_path}/folder \(.*{tmp_path}/other \("):
        store.delete(["a", "folder", "b", "other"])

    assert [listed.path for listed in store.list("")] == ["folder/x", "other/x"]


@contextmanager
def files_of_at_most(size):
    """What a full disk is to a program: a write fails in the middle of a file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def write_pieces(store, count):
    with store.open("d/big", "wb") as file:
        for _ in range(count):
            file.write(bytes(1 << 16))


@pytest.mark.parametrize("pieces", [8, 800], ids=["fails when closed", "fails while written"])
def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path, pieces):
    store = LocalStore(str(tmp_path))

    with files_of_at_most(3 << 16), pytest.raises(SourceUnavailable, match="d/big could not be written: File too"):
        write_pieces(store, pieces)

    assert list((tmp_path / "d").iterdir()) == []
