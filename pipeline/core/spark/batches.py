"""Jobs on many partitions at once, of which some may be what the job fails at."""

from __future__ import annotations

import logging
import math
from collections import deque
from collections.abc import Mapping, Sequence

from pipeline.core.errors import JobFailed, JobThrew, PipelineError
from pipeline.core.lake import Attempt
from pipeline.core.spark.client import Reporter
from pipeline.core.spark.jobs import run_job
from pipeline.core.spark.report import JobReport, name_of

log = logging.getLogger(__name__)
# Whoever looks for one partition by halves runs so many jobs for each time that their number doubles.
JOBS_PER_HALVING = 2


def run_together(
    name: str, inputs: Mapping[Attempt, str], reporter: Reporter
) -> dict[Attempt, JobReport | PipelineError]:
    """Return what a job wrote of each partition, or what kept it from that: by one job for all, where it ends well.

    Where it fails at what it is given, halves are tried, the bigger ones first: that finds one bad partition, and a few
    of them leave most of the others made. What was not tried by then fails too; the next run has fewer to try.
    """
    ended: dict[Attempt, JobReport | PipelineError] = {}
    parts: deque[tuple[Sequence[Attempt], JobThrew | None]] = deque([(list(inputs), None)])
    jobs_left = 1 + JOBS_PER_HALVING * math.ceil(math.log2(len(inputs)))
    while parts:
        part, before = parts.popleft()
        if before and not jobs_left:
            ended |= {attempt: _untried(attempt, before) for attempt in part}
            continue
        jobs_left -= 1
        try:
            ended |= run_job(name, {attempt: inputs[attempt] for attempt in part}, reporter)
        except JobThrew as error:
            if len(part) == 1:
                ended[part[0]] = error
            else:
                log.warning("%s. Looked for among %s: %d jobs are left for that.", error, name_of(part), jobs_left)
                middle = len(part) // 2
                parts += [(part[:middle], error), (part[middle:], error)]
        except PipelineError as error:
            # It is not for what they hold, so that the others would fail too.
            return ended | dict.fromkeys((one for one in inputs if one not in ended), error)
    return ended


def _untried(attempt: Attempt, error: JobThrew) -> JobFailed:
    return JobFailed(
        f"{name_of([attempt])} was made together with others at which the job fails, and not tried alone:"
        f" {str(error).rstrip('.')}. Run it again: that tries fewer at once."
    )
