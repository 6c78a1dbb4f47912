"""What the tests of core share beside what every test can have."""

from fixtures_postgres import cut_at_commit
from fixtures_sales import sales

__all__ = ["cut_at_commit", "sales"]
