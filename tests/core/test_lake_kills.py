"""A process that replaces a partition is killed at each of its steps: the old or the new is there, whole."""

# ruff: noqa: F811 - fixtures

import os
import signal
import sys
from dataclasses import dataclass
from multiprocessing.process import BaseProcess

import pytest
from fixtures_lake import DATASET, FORK, is_complete, make, proxied, requests_left  # noqa: F401 - fixtures
from fixtures_s3 import proxy  # noqa: F401 - fixtures

from pipeline.core.lake import Lake, Partition
from pipeline.core.store.local import LocalStore

pytestmark = pytest.mark.faults
STEPS = {"open", "os.link", "os.rename", "os.remove", "os.mkdir", "os.scandir", "fcntl.flock"}


@dataclass(frozen=True)
class Asked:
    """A committed partition that is to be replaced."""

    lake: Lake
    partition: Partition
    old: str
    request: str

    def assert_whole(self):
        """The manifest is the old one, with the request still open, or the new one; its files are there."""
        state = self.lake.state(DATASET, self.partition)
        there = [listed.bytes for listed in self.lake.store.list(f"{DATASET}/{state.manifest.attempt}")]
        assert there == [file.bytes for file in state.manifest.files]
        assert state.is_complete == (state.manifest.reruns == (self.request,)) == (state.manifest.replaced == self.old)

    def assert_made_again(self):
        """Whoever comes next brings it to the same end as if nobody had been killed."""
        if not is_complete(self.lake, self.partition):
            assert make(self.lake, self.partition).reruns == (self.request,)
        assert is_complete(self.lake, self.partition)


def asked(lake, number):
    partition = Partition("number", str(number))
    old = make(lake, partition)
    return Asked(lake, partition, old.attempt, lake.request_rerun(DATASET, partition))


def was_killed(child):
    child.join(60)
    assert child.exitcode in (0, -signal.SIGKILL)
    return child.exitcode != 0


def make_until(partition, step_number):
    """Make a partition again, and be killed at the nth time that the file system is touched."""
    steps = iter(range(step_number + 1))

    def count(event, arguments):
        if event in STEPS and next(steps, None) == step_number:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)
    make(partition.lake, partition.partition)


def test_a_kill_at_any_step_in_a_folder_leaves_a_whole_partition(tmp_path):
    lake, number, killed = Lake(LocalStore(str(tmp_path))), 0, True
    while killed:
        partition = asked(lake, number)
        child = FORK.Process(target=make_until, args=[partition, number])
        child.start()

        killed = was_killed(child)

        partition.assert_whole()
        partition.assert_made_again()
        number += 1
    assert number > 15


@dataclass
class Killer:
    """Kills a process at its nth request, before S3 gets it or after."""

    child: BaseProcess
    number: int
    arrives: bool

    def __call__(self, send):
        self.number -= 1
        if self.number >= 0:
            return send()
        reply = send() if self.arrives else None
        os.kill(self.child.pid, signal.SIGKILL)
        return reply


@pytest.mark.parametrize("arrives", [False, True])
def test_a_kill_at_any_request_to_s3_leaves_a_whole_partition(proxied, proxy, arrives):
    lake, number, killed = Lake(proxied), 0, True
    while killed:
        partition = asked(lake, number)
        child = FORK.Process(target=make, args=[lake, partition.partition])
        proxy.spoil("", "", Killer(child, number, arrives), times=1000)
        child.start()

        killed = was_killed(child)
        proxy.spoiled.clear()

        partition.assert_whole()
        partition.assert_made_again()
        number += 1
    assert number > 5
