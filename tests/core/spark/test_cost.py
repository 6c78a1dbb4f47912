"""What a run says of the cost of its steps on EMR."""

from __future__ import annotations

import dataclasses
import re

import pytest
from emr_serverless_work import ServerlessBench
from emr_work import Bench
from fixtures_s3 import REGION

from emr.api import Emr
from emr.cost import Use
from pipeline.core.runtime import RUN_FOLDER
from pipeline.core.spark.cost import FILE, _lines, cost_of, note_steps

HOURS = r"0\.\d+ instance-hours"


@pytest.fixture
def bench(emr, tmp_path, monkeypatch, settings):
    """A bench on a cluster of three m7g.xlarge, of which the run in tmp_path notes what it waits for."""
    settings("lake", "region", REGION)
    variables = {**emr.environment, "AWS_DEFAULT_REGION": REGION, RUN_FOLDER: str(tmp_path)}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return Bench(emr, tmp_path)


def note(bench, *days: str) -> None:
    for day in days:
        note_steps(f"stage/review insert_date={day}", bench.entry, ())


def numbers(line: str) -> list[float]:
    return [float(number) for number in re.findall(r"\d+\.\d+", line)]


def test_the_instance_hours_and_the_money_of_a_run_are_told(bench, emr, tmp_path, settings):
    settings("emr_prices", "m7g.xlarge", "2000")
    settings("emr_prices", "currency", "EUR")
    bench.run()
    note(bench, "2010-12-01")

    [line] = cost_of(tmp_path).lines

    assert re.fullmatch(rf"EMR: {HOURS} on {emr.cluster_id} \(3 m7g.xlarge\), (0\.\d+|\d\.\d\d) EUR", line)


def test_each_partition_is_told_its_share_where_there_are_several(bench, tmp_path, settings):
    settings("emr_prices", "m7g.xlarge", "1000000")
    bench.run()
    note(bench, "2010-12-02", "2010-12-01")

    cost = cost_of(tmp_path)

    total, first, second = cost.lines
    assert re.fullmatch(rf"  stage/review insert_date=2010-12-01: {HOURS}, [\d.]+ USD", first)
    assert {name: [pytest.approx(float(money), abs=0.03)] for name, money in cost.by_dataset.items()} == {
        "stage/review": [numbers(total)[-1]]
    }
    assert first.replace("12-01", "12-02") == second
    assert [numbers(first)[-1] * 2] == pytest.approx([numbers(total)[-1]], abs=0.03)


def test_without_a_price_the_hours_are_told_and_the_type_that_has_none(bench, emr, tmp_path):
    bench.run()
    note(bench, "2010-12-01", "2010-12-02")

    line, first, _ = cost_of(tmp_path).lines

    assert line.endswith(f"on {emr.cluster_id} (3 m7g.xlarge); [emr_prices] has no price of m7g.xlarge")
    assert re.fullmatch(rf"  stage/review insert_date=2010-12-01: {HOURS}", first)


def test_of_steps_that_completed_emr_is_not_asked_again_when_they_ran(bench, emr, tmp_path, settings):
    settings("emr_prices", "m7g.xlarge", "0.2")
    entry = bench.run()
    note(bench, "2010-12-01")
    before = cost_of(tmp_path).lines
    note_steps("stage/review insert_date=2010-12-01", entry, Emr.connect().steps(entry.cluster_id, entry.step_ids))
    asked = emr.calls("ListSteps")

    assert cost_of(tmp_path).lines == before
    assert emr.calls("ListSteps") == asked


def test_of_a_run_that_waited_for_no_steps_nothing_is_told_and_emr_is_asked_nothing(bench, emr, tmp_path):
    asked = emr.calls("ListSteps") + emr.calls("ListInstances")

    assert cost_of(tmp_path).lines == []
    assert emr.calls("ListSteps") + emr.calls("ListInstances") == asked


def test_steps_go_on_also_where_nothing_can_be_noted(bench, tmp_path):
    bench.run()
    (tmp_path / FILE).mkdir()

    note(bench, "2010-12-01")

    [line] = cost_of(tmp_path).lines
    assert line.startswith("EMR: what the run cost is not known: ")


def test_a_run_ends_well_also_where_emr_cannot_be_asked(bench, tmp_path, settings, monkeypatch):
    bench.run()
    note(bench, "2010-12-01")
    settings("lake", "region", "")
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)

    assert cost_of(tmp_path).lines == [
        f"EMR: what the steps on {bench.twin.cluster_id} cost is not known: NoRegionError: You must specify a region."
    ]


@pytest.mark.parametrize(
    ("hours", "told"),
    [(0.63, "0.63 instance-hours on j-1, 0.13 USD"), (0.31, "0.31 instance-hours on j-1, 0.063 USD"),
     (0.03, "0.030 instance-hours on j-1, < 0.01 USD"), (6e-7, "0.00000060 instance-hours on j-1, < 0.01 USD")],
)  # fmt: skip
def test_small_amounts_can_be_read(settings, hours, told):
    settings("emr_prices", "m7g.xlarge", "0.2040")

    assert list(_lines(Use("j-1", {"m7g.xlarge": hours}, {}))) == [f"EMR: {told}"]


def test_what_emr_serverless_bills_is_told_with_its_prices(serverless, tmp_path, monkeypatch, settings):
    for key, value in {"vcpu_hour": "60", "memory_gb_hour": "6", "storage_gb_hour": "1"}.items():
        settings("emr_prices", key, value)
    settings("jobs", "runner", "emr-serverless")
    for name, value in {**serverless.environment, "AWS_DEFAULT_REGION": REGION, RUN_FOLDER: str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    entry = ServerlessBench(serverless, tmp_path).run()
    unknown = dataclasses.replace(entry, step_ids=(*entry.step_ids, "00unknown"))
    note_steps("stage/review insert_date=2010-12-01", unknown, ())

    [line] = cost_of(tmp_path).lines

    used = f"0.067 vCPU-hours, 0.27 GB-hours of memory on {serverless.cluster_id}, 5.60 USD"
    assert line == f"EMR: {used}; EMR does not tell yet what 1 job run used"
