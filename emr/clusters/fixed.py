"""A cluster that somebody else keeps."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FixedCluster:
    """One cluster, by its id: it takes all submissions, and what waits there is in EMR's own order."""

    cluster_id: str

    @property
    def what(self) -> str:
        return f"[emr] cluster_id = {self.cluster_id}"

    def take(self, name: str) -> str:
        return self.cluster_id

    def keep(self, name: str, cluster_id: str) -> None:
        """It needs nobody to be kept."""

    def give_back(self, name: str, cluster_id: str) -> None:
        """Nothing of it was taken from others."""
