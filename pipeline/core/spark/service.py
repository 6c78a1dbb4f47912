"""What runs the jobs of this run elsewhere: EMR, or EMR Serverless."""

from __future__ import annotations

from emr.api import PATIENCE_SECONDS, Emr
from emr.serverless import Serverless
from pipeline.core import config


def connect(patience_seconds: float = PATIENCE_SECONDS) -> Emr:
    """Return what [jobs] runner names, asked again for so long while it does not answer."""
    kind = Serverless if config.jobs().runner == "emr-serverless" else Emr
    return kind.connect(config.lake().region, patience_seconds)
