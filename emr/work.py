"""What is to be run on EMR, as its caller describes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol


class Reporter(Protocol):
    """Who is told how a job goes."""

    def progress(self, percent: float) -> None: ...
    def tracking_url(self, url: str) -> None: ...


@dataclass(frozen=True)
class Work:
    """One partition to be made by steps in their order.

    key is where the ledger keeps it. title is what the names of its steps begin with. inputs says of what the partition
    is made: steps that were submitted for other inputs make another partition, and are not adopted. steps returns those
    of an attempt, of which the last one clears away what the others left. has_result says whether what an attempt's
    steps made is where they were to put it.
    """

    key: str
    title: str
    inputs: tuple[str, ...]
    cluster_id: str
    new_attempt: Callable[[], str]
    steps: Callable[[str], list[dict[str, Any]]]
    has_result: Callable[[str], bool]
    poll_seconds: float = 30
