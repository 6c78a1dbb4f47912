"""A password is in no file, argument, log or error of a run, however much the run is asked to say."""

from __future__ import annotations

import json
import uuid
from contextlib import suppress
from pathlib import Path

import boto3
import psutil
import pytest
from fixtures_redshift import PASSWORD, Redshift
from fixtures_s3 import REGION, new_bucket
from processes import wait_until
from project import DAY, Project, luigi_command
from sample import DAY_ROWS, given_a_day

KEY, DATABASE_PASSWORD = "heronquill31", "quillotter37"
SECRETS = (PASSWORD, KEY, DATABASE_PASSWORD)


@pytest.fixture
def talkative(project: Project, ministack: str, redshift: Redshift, monkeypatch) -> Project:
    """A project that logs everything; its three passwords are in the environment, and in Secrets Manager."""
    project.set("core", log_level="DEBUG")
    project.set("lake", root=f"{new_bucket(ministack)}/lake", endpoint_url=ministack, region=REGION)
    project.set("warehouse", url=redshift.url.replace(PASSWORD, "${WAREHOUSE_PASSWORD}"))
    project.set("database", secret_id=a_secret(ministack))
    monkeypatch.setenv("WAREHOUSE_PASSWORD", PASSWORD)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", KEY)
    monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", ministack)
    return project


def a_secret(endpoint: str) -> str:
    """Return the ARN of a secret with the login of the database, which believes any password."""
    client = boto3.client("secretsmanager", endpoint_url=endpoint, region_name=REGION)
    login = json.dumps({"username": "postgres", "password": DATABASE_PASSWORD})
    return client.create_secret(Name=f"database-{uuid.uuid4().hex[:8]}", SecretString=login)["ARN"]


def arguments_during(project: Project, *command: str) -> tuple[str, str]:
    """Return what a command prints, and all arguments of its processes while it runs."""
    run, seen = project.start(*command), set()

    def has_ended() -> bool:
        with suppress(psutil.Error):
            root = psutil.Process(run.pid)
            for process in (root, *root.children(recursive=True)):
                seen.add(" ".join(process.cmdline()))
        return run.poll() is not None

    wait_until(has_ended, 120)
    assert seen
    return run.communicate()[0], "\n".join(seen)


def left_in(folder: Path) -> str:
    """Return all that the files below a folder hold."""
    return "\n".join(path.read_bytes().decode(errors="replace") for path in folder.rglob("*") if path.is_file())


def left_in_s3(lake: dict[str, str]) -> str:
    """Return all that the objects of a lake's bucket hold."""
    s3 = boto3.resource("s3", endpoint_url=lake["endpoint_url"], region_name=lake["region"])
    bucket = s3.Bucket(lake["root"].removeprefix("s3://").partition("/")[0])
    return "\n".join(found.get()["Body"].read().decode(errors="replace") for found in bucket.objects.all())


def test_a_run_that_says_everything_tells_no_password(talkative, spark_run):
    migrated = talkative.lakeshift("migrate")
    given_a_day(talkative)

    output, arguments = arguments_during(talkative, *luigi_command("UserBehaviourMetric", "--date", DAY))

    assert talkative.metric() == DAY_ROWS, output
    assert "DEBUG" in talkative.log
    told = {
        "output": migrated.output + output + talkative.lakeshift("config").output,
        "arguments": arguments,
        "files": left_in(talkative.folder) + left_in(spark_run),
        "lake": left_in_s3(talkative.settings["lake"]),
        "etl_load": str(talkative.query("SELECT * FROM public.etl_load")),
    }
    assert [(place, secret) for place, text in told.items() for secret in SECRETS if secret in text] == []


@pytest.mark.parametrize("user", ["tester:wrong-", "nobody:"], ids=["a wrong password", "a user that is not there"])
def test_a_login_that_the_warehouse_refuses_tells_no_password(talkative, user):
    url = talkative.settings["warehouse"]["url"]
    talkative.set("warehouse", url=url.replace("tester:", user))

    done = talkative.metric_of(DAY)

    assert (done.code, "Redshift at 127.0.0.1" in done.output) == (35, True), done.output
    assert [secret for secret in SECRETS if secret in done.output + left_in(talkative.folder)] == []


def test_a_database_that_is_away_tells_no_password(talkative):
    talkative.set("database", url="postgresql://tester:${WAREHOUSE_PASSWORD}@127.0.0.1:1/shop")

    done = talkative.luigi("UserPurchase", "--date", DAY)

    assert (done.code, "PostgreSQL at 127.0.0.1:1/shop" in done.output) == (30, True), done.output
    assert [secret for secret in SECRETS if secret in done.output + left_in(talkative.folder)] == []
