"""Partitions of a table that are loaded in one transaction end one by one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from fixtures_sales import TABLE, a_load, add, customers, load, wait_until_locks_are_awaited

from pipeline.core.errors import CheckFailed, CommitLost, JobFailed, SourceUnavailable
from pipeline.core.etl_load import LeftOut, Load, LoadState, Part
from pipeline.core.etl_load.tables import FAILURES
from pipeline.core.lake import Input, Partition

DAYS = [Partition("insert_date", f"2010-12-{day:02}") for day in range(1, 31)]
FIRST, SECOND, THIRD = DAYS[:3]
MARKS = "SELECT partition_key, attempt, inputs, row_count, code_version, task_id FROM public.etl_load ORDER BY 1"


def of_days(*days, attempt="a9", seen=None):
    states = dict.fromkeys(days, LoadState()) | (seen or {})
    parts = {day: Part(f"Sale_{day.value}", states[day], (Input("x", str(day)),)) for day in days}
    return Load(TABLE, attempt, "0.1.0", parts)


def write(cursor, load):
    """Insert as many customers as the day of the month says, and none on the second."""
    for day in load.parts:
        if day != SECOND:
            add(cursor, *range(int(day.value[-2:])), partition=day)


def load_days(sales, *days, **named):
    return sales.load_partitions(of_days(*days, **named), write)


def test_days_that_are_loaded_together_are_as_days_that_are_loaded_alone(sales):
    ends = load_days(sales, *DAYS[:4])
    together = [customers(sales, day) for day in DAYS], sales.query(MARKS)
    with sales.transaction() as cursor:
        cursor.execute("DELETE FROM public.sale; DELETE FROM public.etl_load")
    for day in DAYS[:4]:
        load_days(sales, day)

    assert ends == {FIRST: 1, SECOND: 0, THIRD: 3, DAYS[3]: 4}
    assert together == ([customers(sales, day) for day in DAYS], sales.query(MARKS))


def test_a_day_that_is_left_out_keeps_its_rows_and_the_others_are_loaded(sales):
    load(sales, 7, partition=SECOND)
    sales.request_rerun(TABLE, SECOND)
    seen = sales.load_state(TABLE, SECOND)

    def write_and_check(cursor, load):
        write(cursor, load)
        if SECOND in load.parts:
            raise LeftOut({SECOND: CheckFailed("nobody bought anything")})

    ends = sales.load_partitions(of_days(FIRST, SECOND, THIRD, seen={SECOND: seen}), write_and_check)

    assert ends == {FIRST: 1, SECOND: ends[SECOND], THIRD: 3}
    assert isinstance(ends[SECOND], CheckFailed)
    assert [customers(sales, day) for day in (FIRST, SECOND, THIRD)] == [[0], [7], [0, 1, 2]]
    assert sales.load_state(TABLE, SECOND) == seen


def test_what_is_wrong_with_none_of_the_days_keeps_all_from_being_loaded(sales):
    tries: list[int] = []

    def write_and_check(cursor, load):
        tries.append(len(load.parts))
        assert len(tries) < 3, "it is tried for ever"
        write(cursor, load)
        raise LeftOut({Partition("insert_date", "None"): CheckFailed("a row has no day")})

    ends = sales.load_partitions(of_days(FIRST, SECOND, THIRD), write_and_check)

    assert {day: str(end) for day, end in ends.items()} == dict.fromkeys((FIRST, SECOND, THIRD), "a row has no day")
    assert tries == [3]
    assert customers(sales, FIRST) == []


def test_a_day_that_another_loads_meanwhile_is_left_to_it(sales):
    with ThreadPoolExecutor() as pool:
        with sales.loading(a_load("a1", SECOND)) as cursor:
            loading = pool.submit(load_days, sales, FIRST, SECOND, THIRD)
            wait_until_locks_are_awaited(sales)
            add(cursor, 7, partition=SECOND)
        ends = loading.result()

    assert isinstance(ends[SECOND], CommitLost)
    assert [customers(sales, day) for day in (FIRST, SECOND, THIRD)] == [[0], [7], [0, 1, 2]]
    assert [attempt for _, attempt, *_ in sales.query(MARKS)] == ["a9", "a1", "a9"]


def test_a_day_that_is_asked_for_again_meanwhile_fails_alone(sales):
    load(sales, 7, partition=SECOND)
    sales.request_rerun(TABLE, SECOND)

    ends = load_days(sales, FIRST, SECOND, THIRD)

    assert isinstance(ends[SECOND], SourceUnavailable)
    assert [customers(sales, day) for day in (FIRST, SECOND, THIRD)] == [[0], [7], [0, 1, 2]]


def test_a_rerun_of_one_day_that_is_asked_for_during_a_load_of_several_is_kept(sales):
    load(sales, 7, partition=SECOND)
    sales.request_rerun(TABLE, SECOND)
    seen = {SECOND: sales.load_state(TABLE, SECOND)}
    with ThreadPoolExecutor() as pool:
        with sales.loading(of_days(FIRST, SECOND, seen=seen)):
            request = pool.submit(sales.request_rerun, TABLE, SECOND)
            wait_until_locks_are_awaited(sales)
        request.result()

    states = sales.load_states(TABLE, [FIRST, SECOND])
    assert [state.is_complete for state in states.values()] == [True, False]
    assert states[SECOND].attempt == "a9"


@pytest.mark.parametrize("arrives", [True, False])
def test_a_commit_of_several_days_that_was_cut_leaves_each_once(sales, cut_at_commit, arrives):
    cut_sales, way = cut_at_commit(arrives=arrives)

    ends = load_days(cut_sales, FIRST, SECOND, THIRD)

    assert way.has_cut
    assert ends == {FIRST: 1, SECOND: 0, THIRD: 3}
    assert [customers(sales, day) for day in (FIRST, SECOND, THIRD)] == [[0], [], [0, 1, 2]]
    assert [attempt for _, attempt, *_ in sales.query(MARKS)] == ["a9"] * 3


def failing(bad, error, tries):
    """Return what fails for a load that has one of some days in it."""

    def write_unless(cursor, load):
        tries.append(len(load.parts))
        if bad & load.parts.keys():
            raise error
        write(cursor, load)

    return write_unless


def test_a_statement_that_one_day_makes_fail_is_run_for_the_others(sales):
    tries: list[int] = []

    ends = sales.load_partitions(of_days(*DAYS), failing({DAYS[10]}, JobFailed("numeric overflow"), tries))

    assert [day for day, end in ends.items() if isinstance(end, JobFailed)] == [DAYS[10]]
    assert [day for day in DAYS if customers(sales, day)] == [day for day in DAYS if day not in (SECOND, DAYS[10])]
    assert len(tries) <= 12


def test_a_statement_that_fails_whatever_the_days_is_given_up_soon(sales):
    tries: list[int] = []

    ends = sales.load_partitions(of_days(*DAYS), failing(set(DAYS), JobFailed("no such column"), tries))

    assert {type(end) for end in ends.values()} == {JobFailed}
    assert list(ends) == DAYS
    assert len(tries) == FAILURES


def test_a_database_that_is_away_is_asked_once_and_not_for_each_half(sales):
    tries: list[int] = []

    ends = sales.load_partitions(of_days(*DAYS), failing(set(DAYS), SourceUnavailable("it is away"), tries))

    assert set(map(str, ends.values())) == {"it is away"}
    assert tries == [30]
