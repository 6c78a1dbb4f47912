"""What the tests of the warehouse share."""

from fixtures_warehouse import new_warehouse, warehouse

__all__ = ["new_warehouse", "warehouse"]
