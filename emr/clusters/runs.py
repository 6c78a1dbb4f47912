"""The run that clusters are made for."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from emr.clusters.records import lease_of
from emr.errors import Unsettled


@dataclass(frozen=True)
class Run:
    """A run of one host: its id, the process that ends it, and a lock between its processes."""

    id: str
    owner: str
    turn: Callable[[], AbstractContextManager[None]]

    def refuse_killed(self) -> None:
        """Raise Unsettled if the run is gone: nobody would end, or wait for, what its processes begin now."""
        if lease_of(self.owner).is_void():
            raise Unsettled("the run that needs a cluster has been killed")
