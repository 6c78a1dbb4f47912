"""What the tests of jobs share."""

from fixtures_spark import spark  # noqa: F401
