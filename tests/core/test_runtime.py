"""What the processes of a run leave when it is over."""

from __future__ import annotations

import multiprocessing
import os
import signal
import tempfile

import pytest

from pipeline.core.runtime import remove_run_folder, scratch_folder

FORK = multiprocessing.get_context("fork")


@pytest.fixture
def places(tmp_path, monkeypatch):
    """The folder of a run, and the one where its large files go."""
    run, temporary = tmp_path / "run-1-1", tmp_path / "tmp"
    run.mkdir()
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    return run, temporary


def test_a_scratch_folder_is_gone_after_its_block(places):
    run, temporary = places

    with scratch_folder(run) as scratch:
        (scratch / "part-0000").write_text("rows")

    assert scratch.parent == temporary
    assert list(run.iterdir()) == list(temporary.iterdir()) == []


def test_a_scratch_folder_of_a_killed_process_goes_with_its_run(places):
    run, temporary = places

    def work():
        with scratch_folder(run) as scratch:
            (scratch / "part-0000").write_text("rows")
            os.kill(os.getpid(), signal.SIGKILL)

    child = FORK.Process(target=work)
    child.start()
    child.join(30)
    left = len(list(temporary.iterdir()))
    remove_run_folder(run)

    assert left == 1
    assert not run.exists()
    assert list(temporary.iterdir()) == []
