"""What was made of what, as OpenLineage events (spec 2-0-2), from what the commits say of themselves.

A partition that was committed is a run of its task's job, which began with its attempt and completed with its commit.
"""

from pipeline.core.lineage.committed import committed
from pipeline.core.lineage.sending import send, send_made

__all__ = ["committed", "send", "send_made"]
