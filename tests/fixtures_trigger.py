"""The function that starts the runs, as a test calls it: its bucket is MiniStack's, its runs those of a twin."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import datetime, timezone
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote_plus

import boto3
import pytest
from cloudformation import DEPLOY, resources
from fixtures_s3 import REGION, new_bucket
from host_commands import ended
from run_server import INSTANCE, RunServer

sys.path.append(str(DEPLOY / "lambda"))
from trigger import handler

__all__ = ["Trigger", "forget_clients", "run_server", "trigger"]
# As the template without it has it: SSM's documents are unknown to MiniStack.
DOCUMENT = "RunDocument"
CONTEXT = SimpleNamespace(function_name="lakeshift-trigger", aws_request_id="request-1")


def run_document() -> dict[str, Any]:
    """Return the document by which the template has a day run on the host."""
    return dict(resources("AWS::SSM::Document"))["RunDocument"]["Content"]


class Trigger:
    """The function, its bucket and its runs."""

    def __init__(self, bucket: str, runs: RunServer, s3: Any) -> None:
        self.bucket, self.runs, self.s3 = bucket, runs, s3

    def put(self, key: str) -> dict[str, Any]:
        """Put a marker, and return what S3 tells of it."""
        self.s3.put_object(Bucket=self.bucket, Key=key)
        return self.record(key)

    def record(self, key: str, written_at: datetime | None = None, bucket: str = "") -> dict[str, Any]:
        at = (written_at or datetime.now(timezone.utc)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        thing = {"bucket": {"name": bucket or self.bucket}, "object": {"key": quote_plus(key, safe="/")}}
        return {"eventName": "ObjectCreated:Put", "eventTime": at, "s3": thing}

    def tell(self, *records: dict[str, Any]) -> list[str]:
        return handler.handle({"Records": list(records)}, CONTEXT)

    def end(self, status: str) -> str:
        """End the last command, and return what is answered when EventBridge tells so."""
        command = self.runs.commands[-1]
        command.status = status
        [line] = handler.handle(ended(command), CONTEXT)
        return line

    def days(self) -> list[str]:
        """Return the day of each command that was sent, in their order."""
        return [command.parameters["date"][0] for command in self.runs.commands]

    def claim(self, day: str) -> dict[str, Any] | None:
        try:
            found = self.s3.get_object(Bucket=self.bucket, Key=f"_claims/stocks/{day}.json")
        except self.s3.exceptions.NoSuchKey:
            return None
        return json.loads(found["Body"].read())


@pytest.fixture(scope="session")
def run_server(aws_keys) -> RunServer:
    server = RunServer(REGION)
    ssm = boto3.client("ssm", endpoint_url=server.endpoint, region_name=REGION)
    ssm.create_document(Name=DOCUMENT, Content=json.dumps(run_document()), DocumentType="Command")
    return server


@pytest.fixture
def trigger(ministack, run_server, monkeypatch) -> Iterator[Trigger]:
    run_server.forget()
    s3 = boto3.client("s3", endpoint_url=ministack, region_name=REGION)
    bucket = new_bucket(ministack).removeprefix("s3://")
    given = {"RUNNER": "host", "DOCUMENT": DOCUMENT, "INSTANCE": INSTANCE, "MONITORED": bucket}
    places = {"AWS_ENDPOINT_URL_S3": ministack, "AWS_DEFAULT_REGION": REGION}
    places |= dict.fromkeys(("AWS_ENDPOINT_URL_SSM", "AWS_ENDPOINT_URL_ECS"), run_server.endpoint)
    for name, value in (given | places | {"TIMEZONE": "America/New_York", "CLOSES": "16:00"}).items():
        monkeypatch.setenv(name, value)
    forget_clients()
    yield Trigger(bucket, run_server, s3)
    forget_clients()
    assert run_server.faults.unmet() == []


def forget_clients() -> None:
    """Have the function read its environment again, as it does where it starts."""
    handler._markers.cache_clear()
    handler._runs.cache_clear()
