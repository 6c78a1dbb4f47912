"""What the tests of the warehouse share."""

from fixtures_s3 import ministack
from fixtures_warehouse import settings, warehouse

__all__ = ["ministack", "settings", "warehouse"]
