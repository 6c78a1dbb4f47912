"""What can go wrong with steps on EMR, told apart by what is to be done."""

from __future__ import annotations

from emr.api import Step


class EmrError(Exception):
    """What EMR did, or did not do; its caller knows for what."""


class ClusterUnfit(EmrError):
    """The cluster takes no steps."""


class ClusterLost(EmrError):
    """A cluster that Lakeshift made did not come up, or died."""


class Unsettled(EmrError):
    """A submission was not answered, and no step of it is to be found."""


class LedgerUnreadable(EmrError):
    """What the ledger keeps of a partition is no entry."""


class StepFailed(EmrError):
    """A step ended badly."""

    def __init__(self, step: Step, number: int, cluster_id: str) -> None:
        super().__init__(f"{step.name} {step.state} {step.reason}".rstrip())
        self.step, self.number, self.cluster_id = step, number, cluster_id
