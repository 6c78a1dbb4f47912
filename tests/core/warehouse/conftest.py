"""What the tests of the warehouse share."""

from fixtures_redshift_iam import iam
from fixtures_warehouse import new_warehouse, warehouse

__all__ = ["iam", "new_warehouse", "warehouse"]
