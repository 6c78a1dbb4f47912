"""What the tests of core share beside what every test can have."""

from fixtures_days import calls, days
from fixtures_postgres import cut_at_commit
from fixtures_sales import sales

__all__ = ["calls", "cut_at_commit", "days", "sales"]
