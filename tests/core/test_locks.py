"""A lock file is held by one process at a time, and by none once its block has ended."""

import multiprocessing
import os
import signal
import threading
import time

import pytest

from pipeline.core.locks import file_lock

FORK = multiprocessing.get_context("fork")


@pytest.fixture
def sleeper():
    """Return what forks a child that does nothing until the test ends."""
    children = []

    def fork():
        child = FORK.Process(target=time.sleep, args=(60,), daemon=True)
        child.start()
        children.append(child)

    yield fork
    for child in children:
        child.kill()
        child.join()


def is_free(path):
    """Say whether another process gets the lock at once."""
    child = FORK.Process(target=lambda: file_lock(path).__enter__())
    child.start()
    child.join(1)
    was_free = not child.is_alive()
    child.kill()
    child.join()
    return was_free


def test_a_lock_is_held_until_its_block_ends(tmp_path):
    with file_lock(tmp_path / "new/.lock"):
        during = is_free(tmp_path / "new/.lock")

    assert (during, is_free(tmp_path / "new/.lock")) == (False, True)


def test_threads_of_one_process_wait_for_each_other_too(tmp_path):
    entered = []

    def hold(name):
        with file_lock(tmp_path / ".lock"):
            entered.append(name)
            time.sleep(0.1)
            entered.append(name)

    threads = [threading.Thread(target=hold, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert entered[0] == entered[1] and entered[2] == entered[3]


def test_a_child_that_was_forked_meanwhile_does_not_keep_the_lock(tmp_path, sleeper):
    with file_lock(tmp_path / ".lock"):
        sleeper()

    assert is_free(tmp_path / ".lock")


def test_an_error_gives_the_lock_back(tmp_path, sleeper):
    with pytest.raises(ZeroDivisionError), file_lock(tmp_path / ".lock"):
        sleeper()
        raise ZeroDivisionError

    assert is_free(tmp_path / ".lock")


def test_a_killed_process_gives_the_lock_back(tmp_path):
    def hold_and_die():
        with file_lock(tmp_path / ".lock"):
            os.kill(os.getpid(), signal.SIGKILL)

    child = FORK.Process(target=hold_and_die)
    child.start()
    child.join()

    assert (child.exitcode, is_free(tmp_path / ".lock")) == (-signal.SIGKILL, True)
