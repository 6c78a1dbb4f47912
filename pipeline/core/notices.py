"""Who is told what of the runs of this host: how one ended, and which before it were killed."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import luigi

from pipeline.core import config, failing, history, killed_runs
from pipeline.core.alerts import Alert, tell
from pipeline.core.asked import Asked, asked_of
from pipeline.core.errors import SettingError, one_line
from pipeline.core.summary import Summary

log = logging.getLogger(__name__)
SUCCESS, FAILURE, RECOVERY = "success", "failure", "recovery"
# The series of the runs that did not begin.
REFUSED = "refused"


@contextmanager
def _harmless() -> Iterator[None]:
    """Let no error out: a run does not fail because nobody can be told how it ended."""
    try:
        yield
    except Exception:
        log.warning("Nobody was told", exc_info=True)


def begin(roots: Sequence[luigi.Task], run_id: str) -> Path | None:
    """Return what lets others tell of a run that is killed; it is to be given to `end`."""
    with _harmless():
        return killed_runs.begin(_folder("runs"), asked_of(roots), run_id)
    return None


@_harmless()
def end(note: Path | None) -> None:
    """Tell of the runs that were killed before they could say so themselves; this one, which ends, is none of them."""
    killed_runs.end(note)
    for found in killed_runs.killed(_folder("runs")):
        one = found.note
        history.keep_killed(one.run_id, one.asked, one.owner)
        lines = (f"{one.asked.name}: killed", f"It began at {one.began_at}, and did not come to its end.")
        if not tell_of(FAILURE, one.asked, (*lines, _log_line(), _again(one.asked)), found.is_news):
            # Nor would the others arrive.
            killed_runs.put_back(found)
            return
        killed_runs.end(found.path)


@_harmless()
def tell_of_end(kind: str, roots: Sequence[luigi.Task], summary: Summary, told: Sequence[str]) -> None:
    """Tell how a run ended; nothing, if it made nothing. `told` is what it has printed."""
    if kind:
        asked = asked_of(roots)
        tell_of(kind, asked, lines_of(kind, asked, summary, told))


def tell_of(kind: str, asked: Asked, lines: Iterable[str], is_news: bool = True) -> bool:
    """Tell how a run ended, if somebody wants to hear of it, and return whether that went well.

    What is no news is told all the same; but since it was, the series may have recovered.
    """
    settings, folder = config.alerts(), _folder("failing")
    wanted = settings.on_minibatch if asked.is_minibatch else settings.on
    before = failing.recall(folder, asked.series)
    if kind == SUCCESS:
        before = before or failing.recall(folder, REFUSED)
        for series in (asked.series, REFUSED):
            failing.forget(folder, series)
        recovered = (f"Recovered: {before}",) if before else ()
        is_wanted = kind in wanted or (bool(before) and RECOVERY in wanted)
        return not is_wanted or tell(Alert(kind, (*recovered, *lines)))
    now = before or failing.begin(asked.series)
    now = now.again_with(asked.name) if is_news else now
    is_wanted = kind in wanted and (not asked.is_minibatch or now.is_to_be_told(settings.remind_hours))
    is_told = is_wanted and tell(Alert(kind, tuple(lines)))
    if is_news or before:
        failing.remember(folder, now.told() if is_told else now)
    return is_told or not is_wanted


def tell_of_refused(error: Exception) -> None:
    """Tell of a run that did not begin because of its settings or its host, as far as the settings say whom to tell.

    Whether it would have been one of minibatches is not known: the same is told again after some hours only.
    """
    with suppress(SettingError):
        settings, folder = config.alerts(), _folder("failing")
        # What other errors say may differ each time, such as the name of a file.
        cause = str(error) if isinstance(error, SettingError) else type(error).__name__
        before = failing.recall(folder, REFUSED)
        now = (before or failing.begin(REFUSED)).again_with(cause)
        is_due = not before or before.last != cause or before.is_to_be_told(settings.remind_hours)
        lines = (f"A run did not begin: {one_line(error)}", "lakeshift config says what is in force.")
        if is_due and FAILURE in settings.on + settings.on_minibatch:
            now = now.told() if tell(Alert(FAILURE, lines)) else replace(now, told_at="")
        failing.remember(folder, now)


def lines_of(kind: str, asked: Asked, summary: Summary, told: Sequence[str]) -> list[str]:
    """Return what is told of a run that ended: what is looked for first, and below that what it printed."""
    errors = summary.errors() or [told[-1]]
    more = f" (and {len(errors) - 1} more, below)" if len(errors) > 1 else ""
    return [
        f"{asked.name}: {kind} after {summary.seconds:.1f} s",
        *_dates(summary.partitions()),
        *(f"Rows of {rows}" for rows in summary.rows()),
        *([f"Error: {errors[0]}{more}"] if kind == FAILURE else []),
        _log_line(),
        *([_again(asked)] if kind == FAILURE else [f"Run by: {asked.command}"]),
        "",
        *told,
    ]


def _dates(values: Sequence[str]) -> list[str]:
    if len(values) > 1:
        return [f"Dates: {values[0]} to {values[-1]}, {len(values)} in all"]
    return [f"Date: {value}" for value in values]


def _again(asked: Asked) -> str:
    return f"Run it again: {asked.command}"


def _log_line() -> str:
    return f"Log: {config.log().file}"


def _folder(name: str) -> Path:
    return Path(config.log().file).parent / name
