"""Who answers for what was begun, and until when: so that it can be said of any host whether somebody still does."""

from __future__ import annotations

import hashlib
import os
import socket
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import cache
from pathlib import Path

import psutil

# Longer than a call can take, and as long as whoever comes later waits for one that nobody answers for.
CALL = timedelta(seconds=60)
# As long as a process of another host that died, or cannot reach the lake, is taken to be at it.
WATCH = timedelta(minutes=15)
# As far the clocks of two hosts may be apart.
APART = timedelta(minutes=5)
# As far a clock may be set while a process lives: when that began is counted back from the present time.
SET_SECONDS = 60


@dataclass(frozen=True)
class Lease:
    """Which process answers for something, and until when by its own clock."""

    owner: str
    until: str

    @property
    def ends_at(self) -> datetime:
        return datetime.fromisoformat(self.until)

    @property
    def host(self) -> str:
        return self.owner.rsplit(" ", 2)[0]

    def is_mine(self) -> bool:
        return self.owner == this_process()

    def is_void(self) -> bool:
        """Say whether its owner is known to be gone. Of another host's processes nothing is known."""
        if self.host != this_host():
            return False
        _, pid, started = self.owner.rsplit(" ", 2)
        try:
            process = psutil.Process(int(pid))
            is_another = abs(process.create_time() - float(started)) > SET_SECONDS
            return is_another or process.status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return True

    def is_over(self, patience: timedelta = timedelta()) -> bool:
        """Say whether nobody answers for it: a process of this host is gone, one of another let its time pass.

        Others who wait take it then; with patience they have had so long to do so.
        """
        return self.is_void() if self.host == this_host() else self.has_passed(patience)

    def has_passed(self, patience: timedelta = timedelta()) -> bool:
        """Say whether it ended by any host's clock, and so long ago."""
        return now() > self.ends_at + APART + patience

    def is_due(self) -> bool:
        """Say whether a long one is to be renewed."""
        return self.ends_at - now() < WATCH / 3

    def settled_at(self) -> datetime:
        """Return when no call that it allows is under way any more."""
        is_known = self.host == this_host() or self.has_passed()
        # What the clock of another host says does not matter: it was made before it was seen.
        return self.ends_at if is_known else now() + CALL

    def __str__(self) -> str:
        _, pid, _ = self.owner.rsplit(" ", 2)
        return f"process {pid} of {self.host.partition('/')[0]}"


def new_lease() -> Lease:
    """Return a lease for a call."""
    return _lease(CALL)


def long_lease() -> Lease:
    """Return a lease for waiting, to be renewed when it is due."""
    return _lease(WATCH)


def this_process() -> str:
    """Return what names this process among those of all hosts."""
    return _own_name(os.getpid())


@cache
def this_host() -> str:
    """Return what names this host since it started, or the container in it that this process sees."""
    # Two hosts may have the same name; each would take the other's processes for gone.
    parts = [socket.gethostname()]
    with suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")[:8])
        parts.append(f"{Path('/proc/self/ns/pid').stat().st_ino:x}")
        # What tells this host, started again, from another of its name. It is not to be shown as it is.
        if machine := Path("/etc/machine-id").read_bytes().strip():
            parts.append(hashlib.sha256(machine).hexdigest()[:8])
    return "/".join(parts)


def now() -> datetime:
    return datetime.now(timezone.utc)


def named(pid: int) -> str:
    """Return what names a process of this host among those of all hosts."""
    return f"{this_host()} {pid} {psutil.Process(pid).create_time()}"


@cache
def _own_name(pid: int) -> str:
    # Once for each process: it would say otherwise when the clock is set.
    return named(pid)


def _lease(length: timedelta) -> Lease:
    return Lease(this_process(), (now() + length).isoformat())
