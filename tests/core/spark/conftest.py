"""What the tests of where jobs run share."""

from fixtures_jobs import slow_line
from fixtures_spark_master import spark_master

__all__ = ["slow_line", "spark_master"]
