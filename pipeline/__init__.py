"""Lakeshift: batch pipelines as Luigi tasks whose results are committed, once, and can be read back."""
