"""What is to be run on EMR, as its caller describes it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from emr.api import Step
from emr.ledger import Entry


class Reporter(Protocol):
    """Who is told how a job goes."""

    def progress(self, percent: float) -> None: ...
    def tracking_url(self, url: str) -> None: ...


def _ignored(entry: Entry, steps: Sequence[Step]) -> None:
    """Do nothing."""


class Clusters(Protocol):
    """The clusters that submissions go to; a submission is known by the name that its steps carry."""

    @property
    def what(self) -> str:
        """Return which they are, in the words of the settings."""
        ...

    def take(self, name: str) -> str:
        """Return the id of a cluster for a new submission; it may have to wait, or to make one."""
        ...

    def keep(self, name: str, cluster_id: str) -> None:
        """Note that a submission, new or adopted, is waited for on a cluster; called about every second."""
        ...

    def ends(self, cluster_id: str) -> bool:
        """Say whether a cluster ends with this run."""
        ...

    def give_back(self, name: str, cluster_id: str) -> None:
        """Note that nothing of a submission is waited for any more; harmless if nothing was taken."""
        ...


@dataclass(frozen=True)
class Work:
    """A partition, or several at once, to be made by steps in their order.

    key is where the ledger keeps it. title is what the names of its steps begin with. inputs says of what they are
    made: steps that were submitted for other inputs make others, and are not adopted. steps returns those
    of an attempt, of which the last one clears away what the others left. has_result says whether what an attempt's
    steps made is where they were to put it. host_folder is where the processes of this host that wait for steps of a
    cluster find each other; this user's alone. watched is called with each submission before its steps are
    watched, and again with these when all have completed.
    """

    key: str
    title: str
    inputs: tuple[str, ...]
    clusters: Clusters
    new_attempt: Callable[[], str]
    steps: Callable[[str], list[dict[str, Any]]]
    has_result: Callable[[str], bool]
    host_folder: Path
    poll_seconds: float = 30
    watched: Callable[[Entry, Sequence[Step]], None] = _ignored
