"""Which partitions a range of time holds: the days, months or slots that a task's own parameter counts."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from typing import Any

import luigi
from dateutil.relativedelta import relativedelta
from luigi.date_interval import Custom, DateInterval
from luigi.parameter import (
    DateHourParameter,
    DateMinuteParameter,
    DateParameter,
    DateSecondParameter,
    MonthParameter,
    YearParameter,
)

from pipeline.core.errors import PipelineError
from pipeline.core.graph import requirements

# Months and years are kinds of days.
UNITS = {
    MonthParameter: "month",
    YearParameter: "year",
    DateParameter: "day",
    DateHourParameter: "hour",
    DateMinuteParameter: "minute",
    DateSecondParameter: "second",
}
LAST = re.compile(r"(\d+)([hdwmy])")
STEPS = {"h": "hours", "d": "days", "w": "weeks", "m": "months", "y": "years"}
MOMENT = "%Y-%m-%dT%H%M"
MOMENTS = re.compile(r"(\d{4}-\d\d-\d\dT\d{4})-(\d{4}-\d\d-\d\dT\d{4})")


class Moments(Custom):
    """A range that begins and ends within a day, as it is written: 2026-12-01T0200-2026-12-01T1400."""

    def to_string(self) -> str:
        return "-".join(moment.strftime(MOMENT) for moment in (self.date_a, self.date_b))

    @classmethod
    def parse(cls, text: str) -> Moments | None:
        found = MOMENTS.fullmatch(text)
        return cls(*(datetime.strptime(each, MOMENT) for each in found.groups())) if found else None


def parse_range(text: str) -> DateInterval:
    """Return the range that is written as Luigi reads it, or from one moment to another, by its first and last day.

    Raises PipelineError if it is malformed or holds no time.
    """
    try:
        found = Moments.parse(text) or luigi.DateIntervalParameter().parse(text)
    except ValueError:
        raise PipelineError(
            f"The range {text} cannot be read: write a month (2010-12), a week (2010-W48), a year, a day,"
            " or the first day and the day after the last (2010-12-01-2011-01-01)."
        ) from None
    if found.date_a >= found.date_b:
        raise PipelineError(f"The range {text} holds no day: its second date is the day after the last.")
    return found if isinstance(found, Moments) else Custom(found.date_a, found.date_b)


class RangeParameter(luigi.Parameter[Any]):
    """A range of time, by its first day and the day after its last; or none."""

    def normalize(self, value: Any) -> DateInterval | None:
        return parse_range(str(value)) if value else None

    def serialize(self, value: Any) -> str:
        return str(value or "")


@dataclass(frozen=True)
class Period:
    """How a task counts time: by the parameter that says which day, month or slot it makes."""

    kind: type[luigi.Task]
    name: str
    parameter: Any

    @property
    def unit(self) -> str:
        """What is counted, such as day, month or 5-minute slot."""
        unit = next(unit for kind, unit in UNITS.items() if isinstance(self.parameter, kind))
        return unit if self.parameter.interval == 1 else f"{self.parameter.interval}-{unit} slot"

    def values(self, interval: DateInterval) -> list[Any]:
        """Return what the parameter takes for each partition of a range, in order.

        Raises PipelineError if the range begins or ends within one.
        """
        first, end = self.parameter.normalize(interval.date_a), self._up(interval.date_b)
        if (_moment(first), _moment(end)) != (_moment(interval.date_a), _moment(interval.date_b)):
            raise PipelineError(
                f"The range {interval} begins or ends within a {self.unit}, which {self.kind.__name__} makes whole:"
                f" write {_interval(first, end)}, or a shorter one."
            )
        return list(self._between(first, end))

    def task(self, value: Any, others: Mapping[str, Any] | None = None) -> luigi.Task:
        """Return the task of a partition; `others` are its other parameters."""
        return self.kind(**{**(others or {}), self.name: value})

    def span(self, value: Any) -> tuple[datetime, datetime]:
        """Return when a partition begins, and when the next one does."""
        return _moment(value), _moment(self.parameter.next_in_enumeration(value))

    def text(self, value: Any) -> str:
        """Return how a partition is typed."""
        return self.parameter.serialize(value)

    def covering(self, values: Collection[Any]) -> DateInterval:
        """Return the shortest range that holds all of some partitions."""
        return _interval(min(values), self.parameter.next_in_enumeration(max(values)))

    def last(self, text: str, now: datetime, others: Mapping[str, Any] | None = None) -> DateInterval:
        """Return the range of so much time, such as 7d, 12h or 3m, up to the end of the last partition that has ended.

        Raises PipelineError if it cannot be read, or holds no whole partition.
        """
        end = self.parameter.normalize(self._ended(now, others))
        first = self._up(before(text, _moment(end)))
        if first >= end:
            raise PipelineError(f"The last {text} of {self.kind.__name__} holds no whole {self.unit}.")
        return _interval(first, end)

    def _ended(self, now: datetime, others: Mapping[str, Any] | None) -> datetime:
        """Return until when all has ended: days where the sources of the task have theirs, and all else in UTC."""
        if not isinstance(self.parameter, DateParameter):
            return now.astimezone(timezone.utc).replace(tzinfo=None)
        task = self.task(self.parameter.normalize(now.date()), others)
        # Those that say in which zone their day ends.
        sources = (one for one in requirements([task]) if hasattr(one, "zone"))
        return min((_ended_at(each, now) for each in sources), default=_day(now.astimezone(timezone.utc)))

    def _between(self, first: Any, end: Any) -> Iterator[Any]:
        while first < end:
            yield first
            first = self.parameter.next_in_enumeration(first)

    def _up(self, moment: date) -> Any:
        """Return the first partition that does not begin before a moment."""
        begun = self.parameter.normalize(moment)
        return begun if _moment(begun) >= _moment(moment) else self.parameter.next_in_enumeration(begun)


def before(text: str, end: datetime) -> datetime:
    """Return when the time began that ends at a moment and is so long, such as 7d, 12h or 3m.

    Raises PipelineError if it cannot be read.
    """
    found = LAST.fullmatch(text)
    if not found:
        raise PipelineError(f"The last {text} cannot be read: write a number and h, d, w, m or y, such as 7d.")
    return end - relativedelta(**{STEPS[found[2]]: int(found[1])})


def period_of(kind: type[luigi.Task], given: Collection[str] = ()) -> Period:
    """Return how a task counts time, by the only parameter that can say it and is not given otherwise.

    Raises PipelineError if there is none, or more than one without a default.
    """
    found: dict[str, Any] = {name: each for name, each in kind.get_params() if name not in given}
    found = {name: each for name, each in found.items() if isinstance(each, tuple(UNITS))}
    if len(found) > 1:
        open_ones = {name: each for name, each in found.items() if not each.has_task_value(kind.task_family, name)}
        found = open_ones or found
    if not found:
        raise PipelineError(
            f"{kind.__name__} has no parameter that says a day, a month or a slot (such as luigi.DateParameter),"
            " so no range of it can be made."
        )
    if len(found) > 1:
        raise PipelineError(f"{kind.__name__} counts by {' and '.join(found)}: give all but one by --of-params.")
    [(name, parameter)] = found.items()
    return Period(kind, name, parameter)


def _ended_at(source: Any, now: datetime) -> datetime:
    """Return the midnight after the last day of a source that has ended."""
    zone, closes = source.zone(), source.closes()
    local = now.astimezone(zone)
    return _day(local) + timedelta(days=1 if closes and local.time() >= closes else 0)


def _day(moment: datetime) -> datetime:
    return datetime.combine(moment.date(), time.min)


def _moment(day: date) -> datetime:
    return day if isinstance(day, datetime) else datetime.combine(day, time.min)


def _interval(first: date, end: date) -> DateInterval:
    return Moments(first, end) if isinstance(end, datetime) else Custom(first, end)
