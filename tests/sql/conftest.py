"""What the tests of the SQL files share."""

from fixtures_warehouse import new_warehouse, warehouse

__all__ = ["new_warehouse", "warehouse"]
