"""Shows what the runs did."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timezone
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.cli.completion import task_names
from pipeline.cli.console import counted, say, show_table
from pipeline.cli.output import answers

if TYPE_CHECKING:
    from pipeline.core.history import Part, Record

Name = typer.Argument(metavar="[TASK]", help="Such as UserPurchase: only its partitions.", autocompletion=task_names)
Last = typer.Option("--last", metavar="TIME", help="The runs that began in the last 12h, 7d, 4w, 3m or 1y.")
Since = typer.Option("--since", formats=["%Y-%m-%d"], metavar="DAY", help="Those that began on a day (UTC) or later.")
Failed = typer.Option("--failed", help="Only what failed, or was killed.")
Limit = typer.Option("--limit", min=1, help="The most of them, the newest first.")
ROWS = ("read", "written", "refused")


def _show(answer: Mapping[str, Any]) -> None:
    lines = _of_task(answer["runs"]) if answer["task"] else map(_of_run, answer["runs"])
    columns = (
        "began (UTC)",
        "what",
        "end",
        *(() if answer["task"] else ("made", "not made")),
        "seconds",
        *ROWS,
        "cause",
    )
    if answer["runs"]:
        show_table(columns, lines)
    more = "; there are more before them" if answer["is_cut"] else ""
    what = "run" if not answer["is_failed_only"] else "failed run"
    of = f" of {answer['task']}" if answer["task"] else ""
    say(f"{counted(len(answer['runs']), what)}{of} since {answer['since']:%Y-%m-%d %H:%M}{more}")


@answers(_show)
def history(
    task: Annotated[str | None, Name] = None,
    last: Annotated[str, Last] = "7d",
    since: Annotated[datetime | None, Since] = None,
    failed: Annotated[bool, Failed] = False,
    limit: Annotated[int, Limit] = 50,
) -> dict[str, Any]:
    """Show what the runs made, how long it took and what failed, as the lake has kept it; the newest first."""
    from pipeline.core.history import records
    from pipeline.core.periods import before

    begin = since.replace(tzinfo=timezone.utc) if since else before(last, datetime.now(timezone.utc))
    family = task.rpartition(".")[2] if task else None
    wanted = (one for one in (_wanted(record, family, failed) for record in records(begin)) if one)
    runs = list(islice(wanted, limit + 1))
    return {
        "task": family,
        "since": begin,
        "is_failed_only": failed,
        "is_cut": len(runs) > limit,
        "runs": [{"began_at": run.began_at, **vars(run)} for run in runs[:limit]],
    }


def _wanted(record: Record, family: str | None, failed: bool) -> Record | None:
    """Return what is wanted of a record, or None if nothing is."""
    if not family:
        return None if failed and record.is_good else record
    # Of a run that was killed nobody knows its parts.
    is_of_it = record.family == family and not record.parts
    found = record.of_family(family).not_made() if failed else record.of_family(family)
    return found if found.parts or is_of_it else None


def _of_run(run: Mapping[str, Any]) -> tuple[Any, ...]:
    made = sum(part.count for part in run["parts"] if part.is_made)
    not_made = sum(part.count for part in run["parts"]) - made
    return (_when(run), run["name"], run["end"], made, not_made, run["seconds"], *_rows(run["parts"]), run["cause"])


def _of_task(runs: Iterable[Mapping[str, Any]]) -> Iterator[tuple[Any, ...]]:
    for run in runs:
        for part in run["parts"]:
            yield (_when(run), _what(part), part.status, part.seconds, *_rows([part]), part.cause)
        if not run["parts"]:
            yield (_when(run), run["name"], run["end"], 0.0, *_rows([]), run["cause"])


def _what(part: Part) -> str:
    first, *others = part.partitions or ("",)
    return f"{part.family} {first}" + (f" and more, {part.count:,} in all" if others else "")


def _rows(parts: Iterable[Part]) -> list[str]:
    known = [part.rows for part in parts if part.rows]
    return [f"{sum(rows.get(key, 0) for rows in known):,}" if known else "" for key in ROWS]


def _when(run: Mapping[str, Any]) -> str:
    return f"{run['began_at']:%Y-%m-%d %H:%M:%S}"
