"""Job runs of EMR Serverless are started once, found again, watched, and given up."""

# ruff: noqa: F811 - fixtures

from __future__ import annotations

import pytest
from emr_serverless_work import ServerlessBench
from emr_work import TITLE
from fixtures_s3 import REGION
from fixtures_serverless import serverless, serverless_process  # noqa: F401 - fixtures


@pytest.fixture
def bench(serverless, tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_EMR_SERVERLESS", serverless.endpoint_url)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    return ServerlessBench(serverless, tmp_path)


def test_a_partition_is_one_job_run_that_carries_a_name(bench, serverless):
    entry = bench.run()

    assert serverless.steps() == [(f"{TITLE} g1 {entry.attempt} 1/1", "SUCCESS")]
    assert bench.entry.state == "COMPLETED"
    assert bench.result(entry.attempt).exists()
