"""Shows what a run over a range would make, and runs it."""

from __future__ import annotations

import shlex
import signal
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.cli.completion import Task
from pipeline.cli.console import counted, say, show_table
from pipeline.cli.exit_codes import ExitCode, of_signal
from pipeline.cli.forecast import forecast, say_forecast
from pipeline.cli.output import answers
from pipeline.cli.spans import Date, Last, Params, Range, node_record, span_of
from pipeline.core.errors import PipelineError, one_line

if TYPE_CHECKING:
    from pipeline.core.plans import RangePlan
    from pipeline.core.spans import Span
    from pipeline.core.staleness import Node

Refresh = typer.Option("--refresh", help="Make what is stale again too, and all that is made of it.")
Hash = typer.Option("--plan", metavar="HASH", help="Refuse if the plan of this hash no longer holds.")
Workers = typer.Option("--workers", min=1, help="How many processes make partitions, as luigi has it.")
Reverse = typer.Option("--reverse", help="Make the latest first.")
Local = typer.Option("--local-scheduler", help="Run without luigid, as luigi's own option does.")
# As Status has them, which takes a while to import.
STATUSES = ("complete", "superseded", "stale", "asked for again", "missing")


def _show(answer: Mapping[str, Any]) -> None:
    if not answer["due"]:
        say(f"{answer['task']} {answer['range']}: nothing would run")
    rows = [
        (one["task"], *(one["statuses"].get(status, 0) for status in STATUSES), one["due"]) for one in answer["tasks"]
    ]
    show_table(("task", *STATUSES, "would run"), rows)
    for one in answer["causes"]:
        detail = f" ({one['example_detail']})" if one["example_detail"] else ""
        say(f"{counted(one['partitions'], 'partition')}: {one['cause']}, such as {one['example']}{detail}")
    for one in answer["unknown_sources"]:
        say(f"Not known of {counted(one['partitions'], 'partition')} is whether the source has changed: {one['why']}")
    if answer["due"]:
        say_forecast(answer)
        say(f"Plan {answer['hash']}: {answer['next']}")


def _code(answer: Mapping[str, Any]) -> int:
    return ExitCode.FOUND if answer["due"] else ExitCode.DONE


@answers(_show, code=_code)
def plan(
    task: Annotated[str, Task],
    interval: Annotated[str | None, Range] = None,
    last: Annotated[str | None, Last] = None,
    date: Annotated[str | None, Date] = None,
    params: Annotated[str | None, Params] = None,
    refresh: Annotated[bool, Refresh] = False,
) -> dict[str, Any]:
    """Show what a run over a range would make, what is complete, and what is stale and why; it changes nothing.

    Exit code 3 says that something would run.
    """
    from pipeline.core.plans import plan as plan_of

    span = span_of(task, interval, last, date, params)
    found = plan_of(span.tasks(), refresh)
    digest = found.digest()
    line = ["lakeshift", "run", task, *_words(span, refresh), *_typed("--params", params), "--plan", digest]
    return {
        "task": task,
        "range": str(span.interval),
        "is_refresh": refresh,
        "hash": digest,
        "tasks": list(_tasks(found)),
        "causes": list(_causes(found.nodes.values())),
        "unknown_sources": list(_unknown_sources(found.nodes.values())),
        **forecast([node.task for node in found.due]),
        "due": list(map(node_record, found.due)),
        "next": shlex.join(line),
    }


@answers(lambda answer: None, code=lambda answer: answer["exit_code"])
def run(
    task: Annotated[str, Task],
    interval: Annotated[str | None, Range] = None,
    last: Annotated[str | None, Last] = None,
    date: Annotated[str | None, Date] = None,
    params: Annotated[str | None, Params] = None,
    refresh: Annotated[bool, Refresh] = False,
    reverse: Annotated[bool, Reverse] = False,
    workers: Annotated[int | None, Workers] = None,
    local_scheduler: Annotated[bool, Local] = False,
    digest: Annotated[str | None, Hash] = None,
) -> dict[str, Any]:
    """Run a range, as `luigi --module pipeline.backfill Backfill` does, with its exit codes.

    With --plan it runs only what was planned: it plans again, and refuses if anything has moved.
    """
    span = span_of(task, interval, last, date, params)
    if digest:
        _refuse_moved(span, [task, *_words(span, refresh), *_typed("--params", params)], refresh, digest)
    words = ["--module", "pipeline.backfill", "Backfill", "--of", task, *_words(span, refresh)]
    words += [*_typed("--of-params", params), *_typed("--workers", workers)]
    words += [*(["--reverse"] if reverse else []), *(["--local-scheduler"] if local_scheduler else [])]
    code = _luigi(words)
    return {"task": task, "range": str(span.interval), "exit_code": code, "receipt": _receipt(span)}


def _luigi(words: Sequence[str]) -> int:
    """Run luigi to its end, handing it the signals that this process gets, and return its exit code."""
    sys.stdout.flush()
    # In a session of its own: what is typed in a terminal would reach it twice.
    line = [sys.executable, "-m", "luigi", *words]
    with subprocess.Popen(line, stdout=sys.stdout, start_new_session=True) as process:
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda number, frame: process.send_signal(number))
        code = process.wait()
    return of_signal(-code) if code < 0 else code


def _receipt(span: Span) -> str | None:
    """Return where the receipt of a range lies, complete or not."""
    from pipeline.backfill import Backfill
    from pipeline.core.lake import lake
    from pipeline.core.receipts import NAME

    backfill: Any = Backfill
    task = backfill(of=span.kind, range=str(span.interval), of_params=span.given)
    manifest = lake().state(task.dataset, task.partition).manifest
    return f"{manifest.location}/{NAME}" if manifest else None


def _refuse_moved(span: Span, words: Sequence[str], refresh: bool, digest: str) -> None:
    """Raise PipelineError if a plan, which was asked for in some words, is not the one that was shown."""
    from pipeline.core.plans import plan as plan_of

    found = plan_of(span.tasks(), refresh)
    if found.digest() != digest:
        raise PipelineError(
            f"{span.kind.__name__} {span.interval}: plan {digest} no longer holds; now {_sum(found)}."
            f" Nothing was run. Look at it again: {shlex.join(['lakeshift', 'plan', *words])}"
        )


def _words(span: Span, refresh: bool) -> list[str]:
    """Return the range as it is typed, with definite dates."""
    return ["--range", str(span.interval), *(["--refresh"] if refresh else [])]


def _typed(option: str, value: object) -> list[str]:
    return [] if value is None else [option, str(value)]


def _sum(found: RangePlan) -> str:
    """Return in words what is due."""
    due = Counter(node.task.task_family for node in found.due)
    return ", ".join(f"{counted(number, family)}" for family, number in due.items()) or "nothing is due"


def _tasks(found: RangePlan) -> Iterator[dict[str, Any]]:
    """Yield how many partitions of each task stand how, and how many are due."""
    statuses: dict[str, Counter[str]] = defaultdict(Counter)
    for node in found.nodes.values():
        statuses[node.task.task_family][node.status.value] += 1
    due = Counter(node.task.task_family for node in found.due)
    for family, counts in statuses.items():
        yield {"task": family, "statuses": dict(counts), "due": due[family]}


def _causes(nodes: Iterable[Node]) -> Iterator[dict[str, Any]]:
    """Yield each cause with how many partitions it makes stale, and the first of these."""
    numbers = Counter(node.cause.what for node in nodes if node.cause)
    first = {node.cause.what: node.cause for node in reversed(list(nodes)) if node.cause}
    for what, number in numbers.items():
        cause = first[what]
        example, detail = str(cause.task.output()), cause.detail
        yield {"cause": what, "partitions": number, "example": example, "example_detail": detail}


def _unknown_sources(nodes: Iterable[Node]) -> Iterator[dict[str, Any]]:
    """Yield why it is not known of some partitions that were made whether their source has changed."""
    unknown = [one_line(node.source) for node in nodes if node.commit and isinstance(node.source, PipelineError)]
    for why, number in Counter(unknown).items():
        yield {"why": why, "partitions": number}
