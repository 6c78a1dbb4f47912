"""What runs the command in a test."""

from fixtures_cli import lakeshift, seeded

__all__ = ["lakeshift", "seeded"]
