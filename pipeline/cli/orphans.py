"""Ends what runs on EMR and nobody waits for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.cli.console import say, show_table
from pipeline.cli.exit_codes import ExitCode
from pipeline.cli.output import answers

if TYPE_CHECKING:
    from pipeline.core.spark.orphans import Orphans

Delete = typer.Option("--delete", help="Cancel the steps and end the clusters; without it, they are only shown.")


def _show(answer: Mapping[str, Any]) -> None:
    found, ended = answer["found"], answer["ended"]
    if not found:
        say("Nothing runs on EMR that nobody waits for")
        return
    show_table(("what", "id", "on", "made for", "state", "hours old", "why"), map(_row, found))
    if not answer["is_deleted"]:
        say(f"Nobody waits for {_sum(found)}")
        say(f"End them: {answer['next']}")
        return
    say(f"Ended: {_sum(ended)}")
    if len(ended) < len(found):
        say("A run has taken up the rest meanwhile")


def _code(answer: Mapping[str, Any]) -> int:
    return ExitCode.FOUND if answer["found"] and not answer["is_deleted"] else ExitCode.DONE


@answers(_show, code=_code)
def orphans(delete: Annotated[bool, Delete] = False) -> dict[str, Any]:
    """Show the steps and clusters on EMR that this lake's runs began and nobody waits for any more, or end them.

    Exit code 3 says that there are some.
    """
    from pipeline.core.spark.orphans import Search

    search = Search()
    found = search.find()
    ended = list(_records(search.end(found))) if delete and found else []
    return {"found": list(_records(found)), "is_deleted": delete, "ended": ended, "next": "lakeshift orphans --delete"}


def _records(found: Orphans) -> Iterator[dict[str, Any]]:
    columns = ("what", "ids", "on", "made_for", "states", "since", "why")
    for one in found.submissions:
        ids, states = [step.id for step in one.steps], list(dict.fromkeys(step.state for step in one.steps))
        what = "step" if one.is_on_cluster else "job run"
        yield dict(zip(columns, (what, ids, one.cluster_id, one.key, states, one.since, one.why), strict=True))
    for it in found.clusters:
        values = ("cluster", [it.id], None, it.name, [it.state], it.since, it.why)
        yield dict(zip(columns, values, strict=True))


def _row(one: Mapping[str, Any]) -> tuple[str, ...]:
    first, *others = one["ids"]
    ids = f"{first} and {len(others)} more" if others else first
    since, states = one["since"], ", ".join(one["states"])
    return one["what"], ids, one["on"] or "", one["made_for"], states, _hours(since), one["why"]


def _hours(since: datetime | None) -> str:
    return f"{(datetime.now(timezone.utc) - since).total_seconds() / 3600:.1f}" if since else ""


def _sum(found: Iterable[Mapping[str, Any]]) -> str:
    """Return in words how much there is of each kind."""
    numbers = Counter({"step": 0, "job run": 0, "cluster": 0})
    for one in found:
        numbers[one["what"]] += len(one["ids"])
    told = [f"{number:,} {kind}{'' if number == 1 else 's'}" for kind, number in numbers.items() if number]
    return ", ".join(told) or "nothing"
