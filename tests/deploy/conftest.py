"""What the tests of deploy/ can have beside the rest."""

from __future__ import annotations

from fixtures_s3 import proxy  # noqa: F401
from fixtures_trigger import run_server, trigger  # noqa: F401
