"""What the tests of the warehouse share."""

from fixtures_s3 import ministack
from fixtures_warehouse import new_warehouse, settings, warehouse

__all__ = ["ministack", "new_warehouse", "settings", "warehouse"]
