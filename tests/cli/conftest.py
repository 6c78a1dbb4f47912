"""What runs the command in a test."""

from fixtures_cli import lakeshift, seeded
from fixtures_days import days

__all__ = ["days", "lakeshift", "seeded"]
