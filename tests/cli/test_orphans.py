"""`lakeshift orphans` shows what runs on EMR and nobody waits for, and ends it when told to."""

import json
import multiprocessing
import os
from contextlib import contextmanager
from dataclasses import replace

import pytest
from emr_serverless_work import ServerlessBench
from emr_work import KEY, Bench
from fixtures_s3 import REGION
from processes import wait_until

from emr.clusters.records import LIVE, Record, Records, lease_of
from emr.lease import now, this_host
from emr.serverless import Serverless
from pipeline.core.spark.orphans import Search
from pipeline.core.spark.results import short_hash

FORK = multiprocessing.get_context("fork")
NOTHING = "Nothing runs on EMR that nobody waits for\n"


class LakeBench(Bench):
    """A partition of the lake that the command looks at."""

    def work(self):
        root = short_hash(self.ledger.store.url(""))
        return replace(super().work(), title=f"lakeshift {root} {KEY.replace('/insert', ' insert')}")


@pytest.fixture
def bench(lakeshift, settings, emr, tmp_path, monkeypatch):
    for name, value in (*emr.environment.items(), ("AWS_DEFAULT_REGION", REGION)):
        monkeypatch.setenv(name, value)
    return LakeBench(emr, tmp_path, middle=("sleep", "60"))


@contextmanager
def waiting_for(bench):
    """Yield a process that waits for the steps of a bench."""
    process = FORK.Process(target=bench.run)
    process.start()
    wait_until(lambda: bench.ledger.read(KEY) and bench.entry.step_ids and "RUNNING" in bench.twin.states()[-2:])
    yield process
    process.kill()
    process.join()


@pytest.fixture
def waiting(bench):
    """A run that waits for its steps."""
    with waiting_for(bench) as process:
        yield process


@pytest.fixture
def killed(waiting):
    """A run that was killed while its steps ran."""
    waiting.kill()
    waiting.join()
    return waiting


def rows(out):
    return [[cell.strip() for cell in line.strip("│").split("│")] for line in out.splitlines() if line[0] == "│"]


def test_what_a_killed_run_left_is_shown_and_goes_on(lakeshift, bench, killed, emr):
    done, as_json = lakeshift("orphans"), lakeshift("orphans", "--json")

    first, cluster_id = bench.entry.step_ids[1], emr.cluster_id
    [[*row, why]] = rows(done.out)
    assert row == ["step", f"{first} and 1 more", cluster_id, KEY, "RUNNING, PENDING", "0.0"]
    assert why.startswith(f"process {killed.pid} of ") and why.endswith(" is gone")
    assert done.out.splitlines()[-2:] == [
        "Nobody waits for 2 steps",
        "End them: lakeshift orphans --delete",
    ]
    assert (done.code, as_json.code, emr.states()[1:]) == (3, 3, ["RUNNING", "PENDING"])
    assert json.loads(as_json.out)["found"][0]["ids"] == list(bench.entry.step_ids[1:])


def test_what_a_killed_run_left_is_ended_when_told_so(lakeshift, bench, killed, emr):
    done, again = lakeshift("orphans", "--delete"), lakeshift("orphans")

    assert (done.code, done.out.splitlines()[-1]) == (0, "Ended: 2 steps")
    assert (again.code, again.out) == (0, NOTHING)
    assert emr.wait_until_over() == ["COMPLETED", "CANCELLED", "CANCELLED"]
    assert bench.entry.state == "CANCELLED"


def test_an_application_that_the_runner_does_not_use_is_not_asked(bench, killed, settings, monkeypatch):
    for section, key, value in (("jobs", "runner", "emr"), ("emr", "application_id", "00f1abcdexample0")):
        settings(section, key, value)
    monkeypatch.setattr(Serverless, "going", lambda *asked: pytest.fail("it was asked"))

    [found] = Search().find().submissions
    assert [one.id for one in found.steps] == list(bench.entry.step_ids[1:])


def test_what_an_earlier_submission_left_on_another_cluster_of_a_pool_is_shown(lakeshift, bench, killed, emr):
    bench.ledger.store.create(f"_emr/_pool/{emr.cluster_id}/0.json", b"{}")
    bench.ledger.mark(KEY, bench.ledger.read(KEY), name="another g2", generation=2, cluster_id=emr.new_cluster())

    [[*_, why]] = rows(lakeshift("orphans").out)

    assert why == "another, g2, has taken its place"


def test_what_a_run_waits_for_is_no_orphan(lakeshift, waiting, emr):
    assert lakeshift("orphans", "--delete").out == NOTHING
    assert emr.states()[1:] == ["RUNNING", "PENDING"]


@pytest.fixture
def left_cluster(bench, emr):
    """The cluster of a run that was killed."""
    root, gone = short_hash(bench.ledger.store.url("")), f"{this_host()} {os.getpid()} 1.0"
    tags = [{"Key": key, "Value": value} for key, value in (("lakeshift:root", root), ("lakeshift:run", "r1"))]
    instances = {"KeepJobFlowAliveWhenNoSteps": True, "InstanceCount": 1, "MasterInstanceType": "m7g.xlarge"}
    name = f"lakeshift {root} r1 g1"
    made = emr.client.run_job_flow(Name=name, ReleaseLabel="emr-7.12.0", Instances=instances, Tags=tags)
    record = Record(name, 1, gone, lease_of(gone), "kind", made["JobFlowId"], LIVE, now().isoformat())
    assert Records(bench.ledger.store).write("r1", record, None)
    return made["JobFlowId"]


def test_the_cluster_of_a_killed_run_is_ended(lakeshift, left_cluster, emr):
    shown, ended = lakeshift("orphans"), lakeshift("orphans", "--delete")

    [[what, name, *_, why]] = rows(shown.out)
    assert (what, name, why.split()[-1], shown.code) == ("cluster", left_cluster, "gone", 3)
    assert (ended.code, ended.out.splitlines()[-1]) == (0, "Ended: 1 cluster")
    assert emr.made()[0]["state"].startswith("TERMINAT")


def test_the_cluster_of_a_killed_run_stays_while_somebody_waits_for_steps_there(lakeshift, left_cluster, bench, emr):
    emr.cluster_id = left_cluster
    with waiting_for(bench):
        assert lakeshift("orphans", "--delete").out == NOTHING


class ApplicationBench(LakeBench, ServerlessBench):
    """A partition of that lake, made by a job run."""


def test_the_job_run_of_a_killed_run_is_ended_without_a_look_at_clusters(lakeshift, serverless, tmp_path, monkeypatch):
    for name, value in (*serverless.environment.items(), ("AWS_DEFAULT_REGION", REGION)):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL_EMR", "http://127.0.0.1:1")
    bench = ApplicationBench(serverless, tmp_path, middle=("sleep", "60"))
    with waiting_for(bench):
        before = lakeshift("orphans").out
    shown, ended = lakeshift("orphans"), lakeshift("orphans", "--delete")

    assert (before, rows(shown.out)[0][:3]) == (NOTHING, ["job run", *bench.entry.step_ids, serverless.cluster_id])
    assert (ended.code, ended.out.splitlines()[-1]) == (0, "Ended: 1 job run")
    assert serverless.wait_until_over() == ["CANCELLED"]


def test_who_has_nothing_on_emr_needs_no_credentials_for_it(lakeshift, monkeypatch):
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)

    assert lakeshift("orphans").out == NOTHING


def test_an_emr_that_refuses_is_told_in_one_line(lakeshift, bench, killed, settings, monkeypatch):
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    settings("lake", "region", "")

    done = lakeshift("orphans")

    assert (done.code, done.err.count("\n")) == (1, 1)
    assert done.err.startswith("What runs on EMR: in which region? Set [lake] region")
