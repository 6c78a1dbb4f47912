"""What is said of a step, or a job run, that failed has what its job said, without the passwords in it."""

import gzip
from datetime import datetime, timezone
from types import SimpleNamespace

import pytest

from emr.api import Step
from emr.errors import StepFailed
from emr.serverless import log_folder
from pipeline.core.spark.failed_step import failed_step
from pipeline.core.spark.on_serverless import failed_run
from pipeline.core.store.local import LocalStore

ENDED_AT = datetime(2026, 11, 23, tzinfo=timezone.utc)
STOPPED = "java.lang.IllegalStateException: RpcEnv already stopped: NettyRpcEnv@3f2a11"
LOGIN = "ValueError: no redshift://bob:hunter2@host/db"


@pytest.fixture
def failed(tmp_path, settings):
    """Return what is said of both, where their jobs say something."""
    settings("emr", "log_wait_seconds", "1")
    cluster = SimpleNamespace(cluster=lambda _: {"LogUri": str(tmp_path)})
    folder = log_folder("00a", "00b")

    def of(said: str) -> list[str]:
        for place in ("j-1/steps/s-1", folder):
            for name, text in (("stdout", f"{said}\n"), ("stderr", "")):
                assert LocalStore(str(tmp_path)).create(f"{place}/{name}.gz", gzip.compress(text.encode()))
        step = Step("s-1", "lakeshift 2/3", "FAILED", ENDED_AT, log_file=f"{tmp_path}/j-1/steps/s-1/stderr.gz")
        run = Step("00b", "lakeshift", "FAILED", ENDED_AT, "", f"{tmp_path}/{folder}/stderr.gz", ENDED_AT, ENDED_AT)
        said_of_step = failed_step(cluster, StepFailed(step, 2, "j-1"), "stage/x")
        return [str(said_of_step), str(failed_run(StepFailed(run, 1, "00a"), "stage/x"))]

    return of


def test_what_has_an_at_sign_in_it_is_said(failed):
    for said in failed(STOPPED):
        assert f" FAILED: {STOPPED}. Its log: " in said


def test_a_password_is_not_said(failed):
    for said in failed(LOGIN):
        assert " FAILED: ValueError: no redshift://bob:***@host/db. Its log: " in said
