"""`lakeshift audit` names each disagreement, and changes nothing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from fixtures_audit import DAY, NEXT_DAY, of, state

from pipeline.core import audit
from pipeline.core.audit import Kind
from pipeline.core.lake import lake
from pipeline.core.warehouse import warehouse
from pipeline.user_behaviour import MovieReview, UserPurchase

DOCS = Path(__file__).parents[2] / "docs/operations.md"


def test_where_all_agrees_that_is_said_with_how_much_it_is(world):
    done = world.audit("--deep")

    assert (done.code, done.err) == (0, "")
    assert done.out == (
        "All agrees. Looked at: 7 partitions, 7 files, 4 external partitions, 3 table partitions, 1 published file\n"
    )


def test_a_disagreement_is_a_line_with_what_was_expected_and_found_and_what_to_do(world):
    file = world.file(UserPurchase)
    size = file.stat().st_size
    file.write_bytes(b"half")

    done = world.audit()

    line, result = done.out.splitlines()
    assert (done.code, done.err) == (3, "")
    assert line == (
        f"stage/user_purchase insert_date=2010-12-01: file size: expected part-0000.parquet of {size:,} bytes,"
        " found 4 bytes. lakeshift rerun UserPurchase --date 2010-12-01 --downstream"
    )
    assert result.startswith("1 disagreement. Looked at: 7 partitions")


def test_a_disagreement_can_be_had_as_json(world):
    world.file(MovieReview).unlink()

    done = world.audit("--json")

    answer = json.loads(done.out)
    [found] = answer["disagreements"]
    assert (done.code, answer["notes"], answer["looked_at"]["partition"]) == (3, [], 7)
    assert (found["kind"], found["what"], found["partition"]) == (
        "file missing",
        "raw/movie_review",
        "insert_date=2010-12-01",
    )
    assert (found["found"], found["remedy"]) == (
        "nothing",
        "lakeshift rerun MovieReview --date 2010-12-01 --downstream",
    )


def test_nothing_is_changed_where_something_disagrees(world):
    world.file(UserPurchase).write_bytes(b"half")
    world.execute("UPDATE retail.user_purchase SET quantity = 100")
    before, tables = state(world.folder, ("lake", "stocks", "movie_review.csv")), _tables()

    assert world.audit("--deep").code == 3

    assert state(world.folder, ("lake", "stocks", "movie_review.csv")) == before
    assert _tables() == tables


def _tables() -> list[list[tuple]]:
    queries = ("public.etl_load", "public.user_behavior_metric", "svv_external_partitions")
    return [sorted(warehouse().query(f"SELECT * FROM {table}"), key=str) for table in queries]


def test_a_range_looks_at_its_days_only(world):
    for day in (DAY, NEXT_DAY):
        world.file(MovieReview, day).unlink()
        warehouse().query(f"DELETE FROM public.user_behavior_metric WHERE insert_date = '{day}'")

    found = world.found("--range", "2010-12-01-2010-12-02")

    assert {partition for _, _, partition in found} == {str(of(DAY))}
    assert len(found) == 2
    assert len(world.found("--range", "2010-12")) == 4
    assert world.found("--range", "2011", code=0) == []


def test_tasks_are_looked_at_with_all_that_they_need(world):
    world.file(MovieReview).unlink()
    world.file(UserPurchase).unlink()

    assert world.found("ClassifiedMovieReview") == [("file missing", "raw/movie_review", str(of(DAY)))]
    assert len(world.found("UserBehaviourMetric")) == 2
    assert world.found("HistoricalStocks", code=0) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("NoSuchTask",), "There is no task NoSuchTask"),
        (("luigi.ExternalTask",), "ExternalTask makes no partition of a day, so there is nothing to compare."),
        (("--range", "yesterday"), "The range yesterday cannot be read"),
    ],
)
def test_what_cannot_be_looked_at_is_refused(world, arguments, said):
    done = world.audit(*arguments)

    assert (done.code, done.err.count("\n")) == (1, 1)
    assert done.err.startswith(said)


def test_a_request_to_make_a_day_again_is_told_and_is_no_disagreement(world):
    world.run("rerun", "UserBehaviourMetric", "--date", str(DAY))
    world.run("rerun", "MovieReview", "--date", str(DAY))

    done = world.audit()

    assert done.code == 0
    assert [line.partition(", found ")[0] for line in done.out.splitlines()[:-1]] == [
        "raw/movie_review insert_date=2010-12-01: rerun: expected no open request",
        "public.user_behavior_metric insert_date=2010-12-01: rerun: expected no open request",
    ]


def test_what_vacuum_is_for_is_one_line_that_says_so(world):
    for task in (MovieReview, UserPurchase):
        lake().request_rerun(task.dataset, of(DAY))
        with lake().begin(task.dataset, of(DAY), "test").open("part-0000.csv") as file:
            file.write(b"half")

    done = world.audit()

    *_, line, result = done.out.splitlines()
    assert done.code == 0
    assert "leftover: expected the attempts that manifests name, found 2 others too. lakeshift vacuum says" in line
    assert result.startswith("All agrees")


def test_what_a_run_changes_between_two_looks_is_no_disagreement(world, monkeypatch):
    file, look = world.file(UserPurchase), audit._look
    aside = file.rename(world.folder / "aside")
    looks = []

    def look_before_it_is_there(*arguments):
        looks.append(list(look(*arguments)))
        if aside.exists():
            shutil.move(aside, file)
        return looks[-1]

    monkeypatch.setattr(audit, "_look", look_before_it_is_there)

    assert world.audit().code == 0
    assert [len(one) for one in looks] == [1, 0]


def test_each_kind_of_finding_is_in_the_table_of_the_docs():
    text = DOCS.read_text()

    assert [kind.value for kind in Kind if f"| {kind.value} |" not in text] == []
