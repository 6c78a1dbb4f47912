"""A cluster, or an application of EMR Serverless, that somebody else keeps."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FixedCluster:
    """One of them, by its id in a setting: it takes all submissions, and what waits there is in EMR's own order."""

    cluster_id: str
    setting: str = "cluster_id"

    @property
    def what(self) -> str:
        return f"[emr] {self.setting} = {self.cluster_id}"

    def take(self, name: str) -> str:
        return self.cluster_id

    def keep(self, name: str, cluster_id: str) -> None:
        """It needs nobody to be kept."""

    def ends(self, cluster_id: str) -> bool:
        return False

    def give_back(self, name: str, cluster_id: str) -> None:
        """Nothing of it was taken from others."""
