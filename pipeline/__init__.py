"""Lakeshift: batch pipelines as Luigi tasks whose results are committed, once, and can be read back."""

# Modules that stand beside the pipelines, and are none.
NO_PIPELINES = ("backfill", "finding")
