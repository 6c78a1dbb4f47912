"""What the tests of the SQL files share."""

from fixtures_warehouse import settings, warehouse

__all__ = ["settings", "warehouse"]
