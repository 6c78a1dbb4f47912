"""Backfills as their user types them, and the receipts that they leave."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from project import Project

LUIGI = str(Path(sys.executable).with_name("luigi"))


def command(*options: str, of: str = "backfill_tasks.SmallDay") -> tuple[str, ...]:
    return (LUIGI, "--module", "pipeline.backfill", "Backfill", "--of", of, *options, "--local-scheduler")


def receipts(project: Project) -> list[dict[str, Any]]:
    """Return what the receipt says, for each that is committed."""
    return [
        json.loads(project.data_of(manifest)["receipt.json"])
        for manifest in project.manifests()
        if manifest.dataset.zone == "backfill"
    ]
