"""Ends what runs on EMR and nobody waits for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.console import say, show_table

if TYPE_CHECKING:
    from emr.orphans import Submission
    from pipeline.core.spark.orphans import Orphans

# So that cron can tell what was found from what failed.
FOUND = 3
Delete = typer.Option("--delete", help="Cancel the steps and end the clusters; without it, they are only shown.")


def orphans(delete: Annotated[bool, Delete] = False) -> None:
    """Show the steps and clusters on EMR that this lake's runs began and nobody waits for any more, or end them.

    Exit code 3 says that there are some.
    """
    from pipeline.core.spark.orphans import Search

    search = Search()
    found = search.find()
    if not found:
        say("Nothing runs on EMR that nobody waits for")
        return
    show_table(("what", "id", "on", "made for", "state", "hours old", "why"), _rows(found))
    if delete:
        ended = search.end(found)
        say(f"Ended: {_sum(ended)}")
        if _number(ended) < _number(found):
            say("A run has taken up the rest meanwhile")
        return
    say(f"Nobody waits for {_sum(found)}")
    say("End them: lakeshift orphans --delete")
    raise typer.Exit(FOUND)


def _rows(found: Orphans) -> Iterator[tuple[str, ...]]:
    for one in found.submissions:
        first, *others = one.steps
        ids = f"{first.id} and {len(others)} more" if others else first.id
        states = ", ".join(dict.fromkeys(step.state for step in one.steps))
        yield _kind(one), ids, one.cluster_id, one.key, states, _hours(one.since), one.why
    for cluster in found.clusters:
        yield "cluster", cluster.id, "", cluster.name, cluster.state, _hours(cluster.since), cluster.why


def _hours(since: datetime | None) -> str:
    return f"{(datetime.now(timezone.utc) - since).total_seconds() / 3600:.1f}" if since else ""


def _sum(found: Orphans) -> str:
    """Return in words how much there is of each kind."""
    numbers = Counter({"step": 0, "job run": 0, "cluster": len(found.clusters)})
    for one in found.submissions:
        numbers[_kind(one)] += len(one.steps)
    told = [f"{number:,} {kind}{'' if number == 1 else 's'}" for kind, number in numbers.items() if number]
    return ", ".join(told) or "nothing"


def _kind(one: Submission) -> str:
    return "step" if one.is_on_cluster else "job run"


def _number(found: Orphans) -> int:
    return len(found.submissions) + len(found.clusters)
