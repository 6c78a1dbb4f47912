"""What steps used of their cluster."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from emr_clusters import RunBench
from emr_work import Bench
from fixtures_s3 import REGION

from emr.api import Emr, Step
from emr.cost import Span, use
from emr.errors import StepFailed
from emr.runner import run


@dataclass
class FakeEmr:
    """A cluster with steps and instances, of which only the times matter."""

    ran: dict[str, tuple[datetime | None, datetime | None]]
    had: list[dict[str, Any]]
    was: dict[str, Any]

    def steps(self, cluster_id, ids):
        self.asked = list(ids)
        return [Step(one, one, "COMPLETED", None, "", "", *self.ran[one]) for one in ids if one in self.ran]

    def instances(self, cluster_id):
        return self.had

    def cluster(self, cluster_id):
        return self.was


def at(hour: float) -> datetime:
    return datetime(2010, 12, 1, tzinfo=timezone.utc) + timedelta(hours=hour)


def instance(kind: str = "m7g.xlarge", market: str = "ON_DEMAND", since: float = 0, until: float | None = None) -> dict:
    timeline = {"CreationDateTime": at(since)} | ({"EndDateTime": at(until)} if until else {})
    return {"InstanceType": kind, "Market": market, "Status": {"State": "RUNNING", "Timeline": timeline}}


def cluster(since: float = 0, until: float | None = None, **tags: str) -> dict:
    timeline = {"CreationDateTime": at(since)} | ({"EndDateTime": at(until)} if until else {})
    written = [{"Key": f"lakeshift:{key}", "Value": value} for key, value in tags.items()]
    return {"Tags": written, "Status": {"State": "WAITING", "Timeline": timeline}}


def used(ran, had, was=None, **ids):
    steps = {partition: dict.fromkeys(some) for partition, some in (ids or {"day": tuple(ran)}).items()}
    return use(FakeEmr(ran, had, was or cluster(pool="p")), "j-1", steps, at(24))


def test_each_instance_counts_for_as_long_as_steps_run():
    found = used({"s-1": (at(1), at(1.5)), "s-2": (at(3), at(4))}, [instance()] * 3)

    assert (found.hours, found.counts) == ({"m7g.xlarge": 4.5}, {"m7g.xlarge": 3})


def test_emr_is_asked_only_for_the_steps_of_which_it_is_not_known_when_they_ran():
    emr = FakeEmr({"s-2": (at(3), at(4))}, [instance()], cluster())

    found = use(emr, "j-1", {"one": {"s-1": Span(at(1), at(1.5))}, "two": {"s-2": None}}, at(24))

    assert (emr.asked, found.hours) == (["s-2"], {"m7g.xlarge": 1.5})
    assert found.by_partition == {"one": {"m7g.xlarge": 0.5}, "two": {"m7g.xlarge": 1}}


def test_steps_that_run_side_by_side_count_once():
    found = used({"s-1": (at(1), at(3)), "s-2": (at(2), at(4)), "s-3": (at(2), at(2.5))}, [instance()])

    assert found.hours == {"m7g.xlarge": 3}


def test_an_instance_that_came_or_went_meanwhile_counts_while_it_was_there():
    had = [instance(since=2), instance(until=1.5), instance(until=0.5), instance(since=3)]

    found = used({"s-1": (at(1), at(3))}, had)

    assert (found.hours, found.counts) == ({"m7g.xlarge": 1.5}, {"m7g.xlarge": 2})


def test_an_instance_that_is_waited_for_costs_nothing():
    waited_for = instance()
    waited_for["Status"]["State"] = "AWAITING_FULFILLMENT"

    assert used({"s-1": (at(1), at(3))}, [instance(), waited_for]).counts == {"m7g.xlarge": 1}


def test_spot_and_other_types_have_prices_of_their_own():
    had = [instance(), instance(market="SPOT"), instance("r7g.large")]

    assert used({"s-1": (at(1), at(3))}, had).hours == {"m7g.xlarge": 2, "m7g.xlarge.spot": 2, "r7g.large": 2}


def test_a_step_that_has_not_ended_counts_until_now_and_one_that_never_ran_not_at_all():
    found = used({"s-1": (at(22), None), "s-2": (None, at(4))}, [instance()], two=("s-1", "s-2", "s-lost"), three=())

    assert found.hours == {"m7g.xlarge": 2}
    assert found.by_partition == {"two": {"m7g.xlarge": 2}, "three": {"m7g.xlarge": 0}}


def test_partitions_share_by_the_time_of_their_steps():
    ran = {"s-1": (at(1), at(2)), "s-2": (at(1), at(4)), "s-3": (at(8), at(12))}

    found = used(ran, [instance()] * 2, two=("s-1",), three=("s-2", "s-3"))

    assert found.hours == {"m7g.xlarge": 14}
    assert found.by_partition == {"two": {"m7g.xlarge": 1.75}, "three": {"m7g.xlarge": 12.25}}


def test_where_no_step_ran_nothing_was_used():
    found = used({"s-1": (None, None)}, [instance()])

    assert (found.hours, found.by_partition) == ({}, {"day": {}})


def test_of_a_cluster_that_is_the_runs_own_every_hour_counts():
    had = [instance(until=6), instance(since=1, until=6), instance(since=2, until=4, market="SPOT")]

    found = used({"s-1": (at(2), at(3))}, had, cluster(until=6, run="20101201"))

    assert found.hours == {"m7g.xlarge": 11, "m7g.xlarge.spot": 2}
    assert found.by_partition == {"day": found.hours}


def test_of_a_cluster_that_is_not_over_yet_the_hours_until_now_count():
    found = used({"s-1": (at(2), at(3))}, [instance(since=20)], cluster(since=20, run="20101201"))

    assert found.hours == {"m7g.xlarge": 4}


class Unreachable:
    """A client that reaches nothing."""

    def describe_cluster(self, **asked):
        raise EndpointConnectionError(endpoint_url="https://emr.example")


def test_who_is_not_patient_does_not_wait_long_for_an_emr_that_is_away():
    began_at = time.monotonic()

    with pytest.raises(EndpointConnectionError):
        Emr(Unreachable(), Unreachable(), 0.1).cluster("j-1")

    assert time.monotonic() - began_at < 10


@pytest.fixture
def bench(emr, tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_EMR", emr.endpoint_url)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    emr.cluster_id = emr.client.run_job_flow(
        Name="lakeshift", ReleaseLabel="emr-7.0.0",
        Instances={
            "MasterInstanceType": "m7g.xlarge", "SlaveInstanceType": "r7g.xlarge", "InstanceCount": 3,
            "KeepJobFlowAliveWhenNoSteps": True,
        },
    )["JobFlowId"]  # fmt: skip
    return Bench(emr, tmp_path)


def test_steps_are_told_of_before_they_are_watched_and_with_their_times_when_they_have_completed(bench):
    told = []
    work = replace(bench.work(), watched=lambda entry, steps: told.append((entry.step_ids, list(steps))))

    entry = run(Emr.connect(), bench.ledger, work, bench.heard)

    [(first, none), (second, steps)] = told
    assert (first, none, second) == (entry.step_ids, [], entry.step_ids)
    assert [step.id for step in steps] == list(entry.step_ids)
    assert all(step.started_at <= step.ended_at for step in steps)


def test_emr_tells_what_a_runs_own_cluster_used_from_its_beginning_to_its_end(bench, emr):
    mine = RunBench(bench)
    entry = mine.run()
    [cluster_id] = mine.clusters.end()
    told = emr.client.describe_cluster(ClusterId=cluster_id)["Cluster"]["Status"]["Timeline"]
    lived = told["EndDateTime"] - told["CreationDateTime"]

    found = use(
        Emr.connect(),
        cluster_id,
        {"day": dict.fromkeys(entry.step_ids)},
        datetime.now(timezone.utc) + timedelta(hours=1),
    )

    assert found.counts == {"m7g.xlarge": 2, "m7g.xlarge.spot": 1}
    assert found.hours["m7g.xlarge"] == pytest.approx(2 * lived / timedelta(hours=1), rel=1e-3)
    assert found.by_partition == {"day": found.hours}


@pytest.mark.parametrize("middle", [("sleep", "1"), ("sh", "-c", "sleep 1; false")], ids=["completed", "failed"])
def test_emr_tells_what_steps_used_that_completed_or_failed(bench, emr, middle):
    bench.middle = middle
    if middle[0] == "sh":
        with pytest.raises(StepFailed):
            bench.run()
    else:
        bench.run()

    found = use(Emr.connect(), emr.cluster_id, {"day": dict.fromkeys(bench.entry.step_ids)}, datetime.now(timezone.utc))

    assert found.counts == {"m7g.xlarge": 1, "r7g.xlarge": 2}
    assert 1 / 3600 < found.hours["m7g.xlarge"] < 1 / 60
    assert found.hours["r7g.xlarge"] == pytest.approx(2 * found.hours["m7g.xlarge"])
