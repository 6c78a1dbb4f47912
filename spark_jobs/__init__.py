"""The Spark jobs: each module reads a dataset and transforms it into another."""
