"""Partitions that the catalogue refuses, or does not show, are named, and keep no other from being set."""

from __future__ import annotations

import datetime

import pytest
from fixtures_warehouse import DAY, REVIEWS

from pipeline.core.errors import JobFailed, PipelineError, SettingError
from pipeline.core.lake import Partition
from pipeline.core.warehouse import PartlyRefused, make, partitions
from pipeline.core.warehouse.embedded.duck import DuckCursor

DAYS = [Partition.of_date(DAY + datetime.timedelta(days=number)) for number in range(4)]
BAD = DAYS[1]


@pytest.fixture
def refuse(monkeypatch):
    """Return what has the catalogue refuse each change that holds a text, until it is called again."""
    execute, error = DuckCursor.execute, PipelineError("Access Denied")

    def refuse(part, kind=error):
        def executing(cursor, sql, params=None):
            if part and sql.startswith("ALTER TABLE") and part in sql:
                changes.append(sql)
                raise kind
            return execute(cursor, sql, params)

        changes: list[str] = []
        monkeypatch.setattr(DuckCursor, "execute", executing)
        return changes

    return refuse


def places(attempt):
    return {day: f"/lake/{attempt}/{day}" for day in DAYS}


def shown(places, *without):
    return {day.value: place for day, place in places.items() if day not in without}


def test_a_day_that_cannot_be_added_keeps_no_other_from_it(warehouse, refuse):
    refuse(BAD.value)

    with pytest.raises(PartlyRefused, match=r"1 of 4 .* insert_date=2010-12-02: Access Denied") as refused:
        warehouse.set_external_partitions(REVIEWS, places("a"))

    assert list(refused.value.errors) == [BAD]
    assert warehouse.external_partitions(REVIEWS) == shown(places("a"), BAD)


def test_a_day_that_cannot_be_moved_keeps_no_other_from_it(warehouse, refuse):
    warehouse.set_external_partitions(REVIEWS, places("a"))
    refuse(BAD.value)

    with pytest.raises(PartlyRefused, match="insert_date=2010-12-02: Access Denied"):
        warehouse.set_external_partitions(REVIEWS, places("b"))

    assert warehouse.external_partitions(REVIEWS) == shown(places("b"), BAD) | {BAD.value: places("a")[BAD]}


def test_the_next_call_has_the_refused_day_alone(warehouse, refuse):
    refuse(BAD.value)
    with pytest.raises(PartlyRefused):
        warehouse.set_external_partitions(REVIEWS, places("a"))
    refuse("")

    warehouse.set_external_partitions(REVIEWS, {BAD: places("a")[BAD]})

    assert warehouse.external_partitions(REVIEWS) == shown(places("a"))


def test_what_took_too_long_for_all_is_not_begun_for_each(warehouse, refuse):
    changes = refuse(BAD.value, JobFailed("cancelled after an hour"))

    with pytest.raises(JobFailed, match="cancelled after an hour"):
        warehouse.set_external_partitions(REVIEWS, places("a"))

    assert len(changes) == 1


def test_a_partition_that_its_maker_is_not_shown_asks_for_a_grant(warehouse, monkeypatch):
    hiding = partitions.LOCATIONS.replace("WHERE", f"WHERE \"values\" NOT LIKE '%%{BAD.value}%%' AND")
    monkeypatch.setattr(partitions, "LOCATIONS", hiding)

    with pytest.raises(PartlyRefused, match="GRANT USAGE ON SCHEMA spectrum") as refused:
        warehouse.set_external_partitions(REVIEWS, places("a"))

    assert {day: type(error) for day, error in refused.value.errors.items()} == {BAD: SettingError}


ZONES = [Partition("zone", value) for value in ("axb", "a_b", "b")]


@pytest.fixture(params=["embedded", "redshift"])
def zones(request, settings, tmp_path):
    """A warehouse with an external table that has a partition for each of some zones."""
    settings("lake", "root", str(tmp_path / "lake"))
    if request.param == "redshift":
        store = make(request.getfixturevalue("redshift").url)
        store.migrate()
    else:
        store = request.getfixturevalue("warehouse")
    with store.autocommit() as cursor:
        cursor.execute(
            "CREATE EXTERNAL TABLE spectrum.trip (id integer) PARTITIONED BY (zone varchar(9))"
            " STORED AS PARQUET LOCATION '/lake/trip'"
        )
    store.set_external_partitions("spectrum.trip", {zone: f"/lake/trip/{zone}" for zone in ZONES})
    return store


def test_of_one_partition_it_is_told_where_it_lies_without_all_others(zones):
    with zones.transaction() as cursor:
        seen = {zone: partitions.external_partitions(cursor, "spectrum.trip", [zone]).get(zone.value) for zone in ZONES}

    assert seen == {zone: zones.external_location("spectrum.trip", zone) for zone in ZONES}
    assert seen == {zone: f"/lake/trip/{zone}" for zone in ZONES}
    assert len(zones.query(*partitions.locations_query("spectrum.trip", ZONES[:1]))) == 1
    assert zones.external_location("spectrum.trip", Partition("zone", "c")) is None
