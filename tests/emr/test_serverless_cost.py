"""What job runs of EMR Serverless are billed for."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from emr_serverless_work import ServerlessBench
from fixtures_s3 import REGION

from emr.serverless import Serverless
from emr.serverless_cost import billed


@dataclass
class FakeServerless:
    """An application that tells, or does not, what its job runs used."""

    told: dict[str, dict[str, float]]

    def used(self, application_id, job_run_id):
        return self.told.get(job_run_id, {})


def test_the_job_runs_of_each_partition_are_added_up():
    emr = FakeServerless({
        "1": {"vCPUHour": 1.5, "memoryGBHour": 6.0, "storageGBHour": 0.0},
        "2": {"vCPUHour": 0.5, "memoryGBHour": 2.0, "storageGBHour": 3.0},
    })  # fmt: skip

    found = billed(emr, "00f", {"one": ("1", "2"), "two": ("2",)})

    assert found.by_partition == {
        "one": {"vcpu_hour": 2, "memory_gb_hour": 8, "storage_gb_hour": 3},
        "two": {"vcpu_hour": 0.5, "memory_gb_hour": 2, "storage_gb_hour": 3},
    }
    assert found.hours == {"vcpu_hour": 2.5, "memory_gb_hour": 10, "storage_gb_hour": 6}


def test_job_runs_of_which_nothing_is_told_yet_are_counted():
    found = billed(FakeServerless({"1": {"vCPUHour": 1.0}}), "00f", {"one": ("1",), "two": ("2", "3")})

    assert (found.hours, found.untold) == ({"vcpu_hour": 1}, 2)


class Telling:
    """A client to which one job run is known."""

    def __init__(self, **told):
        self.told = told

    def get_job_run(self, **asked):
        return {"jobRun": self.told}


TOTAL = {"vCPUHour": 1.0, "memoryGBHour": 4.0, "storageGBHour": 20.0}


@pytest.mark.parametrize(
    ("told", "used"),
    [
        ({"totalResourceUtilization": TOTAL}, {"vCPUHour": 1.0, "memoryGBHour": 4.0}),
        ({"totalResourceUtilization": TOTAL, "billedResourceUtilization": {"vCPUHour": 2.0}}, {"vCPUHour": 2.0}),
        ({}, {}),
    ],
)
def test_before_emr_tells_what_is_billed_the_storage_that_may_be_free_is_left_out(told, used):
    client = Telling(**told)

    assert Serverless(client, client, 1).used("00f", "1") == used


def test_emr_serverless_tells_what_a_job_run_is_billed_for(serverless, tmp_path, monkeypatch):
    for name, value in {**serverless.environment, "AWS_DEFAULT_REGION": REGION}.items():
        monkeypatch.setenv(name, value)
    entry = ServerlessBench(serverless, tmp_path).run()

    found = billed(Serverless.connect(), serverless.cluster_id, {"day": (*entry.step_ids, "00unknown")})

    assert found.hours == {"vcpu_hour": pytest.approx(4 / 60), "memory_gb_hour": pytest.approx(16 / 60)}
    assert found.untold == 1
