from __future__ import annotations

from datetime import date, datetime, time, timezone
from zoneinfo import ZoneInfo

import pytest
from fixtures_settings import settings_file

from pipeline.core.errors import CheckFailed
from pipeline.core.tasks.partition import refuse_unfinished


@pytest.fixture
def noon() -> ZoneInfo:
    """A zone in which it is past noon, and not yet one."""
    return ZoneInfo(f"Etc/GMT{datetime.now(timezone.utc).hour - 12:+d}")


def today(zone: ZoneInfo) -> date:
    return datetime.now(zone).date()


def test_a_day_without_a_time_at_which_it_closes_ends_at_midnight(noon):
    with pytest.raises(CheckFailed, match=r"has not ended: it ends at .*T00:00:00"):
        refuse_unfinished(today(noon), noon)


def test_a_day_ends_when_it_closes(noon):
    refuse_unfinished(today(noon), noon, time(12))

    with pytest.raises(CheckFailed, match=r"has not ended: it ends at .*T13:00:00"):
        refuse_unfinished(today(noon), noon, time(13))


def test_an_unfinished_day_is_let_through_where_the_settings_allow_it(noon, tmp_path):
    (tmp_path / "a.cfg").write_text("[lake]\nallow_unfinished = true\n")

    with settings_file(tmp_path / "a.cfg"):
        assert refuse_unfinished(today(noon), noon, time(13)) is None
