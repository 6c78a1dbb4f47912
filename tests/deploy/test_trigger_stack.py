"""The stack that starts a day's run, created on MiniStack: a marker is uploaded, and the day is in the table."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from cloudformation import DEPLOY, without
from fixtures_s3 import REGION, new_bucket
from fixtures_trigger import DOCUMENT
from host_commands import Host, ended
from moto.core import DEFAULT_ACCOUNT_ID
from moto.ssm.models import ssm_backends
from processes import wait_until
from run_server import INSTANCE, RunServer
from stock_drop import Drop

DAY, NEXT_DAY = "2017-11-10", "2017-11-11"
STATUSES = ("Pending", "InProgress", "Success", "TimedOut")
LINE = "2017-11-09,1,1,1,1,1,0"


def code() -> bytes:
    """Return the function's code as `aws cloudformation package` packs it: links are files."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path in sorted((DEPLOY / "lambda").rglob("*.py")):
            archive.write(path, path.relative_to(DEPLOY / "lambda"))
    return packed.getvalue()


@pytest.fixture(scope="module")
def aws(ministack):
    """Return a function that makes a client of a service."""
    return lambda service: boto3.client(service, endpoint_url=ministack, region_name=REGION)


@pytest.fixture(scope="module")
def made(aws, ministack, run_server) -> SimpleNamespace:
    """Create the stack, whose function finds the twin of Systems Manager in the place of Amazon's."""
    name = new_bucket(ministack).removeprefix("s3://")
    aws("s3").put_object(Bucket=name, Key="code.zip", Body=code())
    body = without("trigger.yaml", {"AWS::SSM::Document"})
    function = body["Resources"]["Function"]["Properties"]
    function["Code"] = {"S3Bucket": name, "S3Key": "code.zip"}
    function["Environment"]["Variables"]["AWS_ENDPOINT_URL_SSM"] = run_server.endpoint
    topic = aws("sns").create_topic(Name=name)["TopicArn"]
    made = created(aws("cloudformation"), name, body, given(name, topic))
    assert set(made) == set(body["Resources"]) - {"StartOnEcs"}
    return SimpleNamespace(bucket=f"{name}-markers", topic=topic, **made)


@pytest.fixture
def stack(made, aws, run_server) -> Iterator[Stack]:
    run_server.forget()
    yield Stack(aws, run_server, made)
    assert run_server.faults.unmet() == []


class Stack:
    """What a test does with the stack, and sees of it."""

    def __init__(self, aws: Any, runs: RunServer, made: SimpleNamespace) -> None:
        self.aws, self.runs, self.made = aws, runs, made

    def upload(self, day: str) -> None:
        self.aws("s3").put_object(Bucket=self.made.bucket, Key=f"{day}.SUCCESS")

    def claimed(self) -> list[str]:
        """Return the days that are claimed."""
        listed = self.aws("s3").list_objects_v2(Bucket=self.made.bucket, Prefix="_claims/stocks/")
        return [Path(one["Key"]).stem for one in listed.get("Contents", ())]

    def claim(self, day: str) -> dict[str, Any]:
        found = self.aws("s3").get_object(Bucket=self.made.bucket, Key=f"_claims/stocks/{day}.json")
        return json.loads(found["Body"].read())

    def tell(self, event: dict[str, Any]) -> None:
        """Bring an event to where the rule has it brought; AWS alone may send one in its services' name."""
        rule = self.aws("events").describe_rule(Name=self.made.RunEnds)
        is_for_it = self.aws("events").test_event_pattern(EventPattern=rule["EventPattern"], Event=json.dumps(event))
        if is_for_it["Result"]:
            [target] = self.aws("events").list_targets_by_rule(Rule=self.made.RunEnds)["Targets"]
            self.aws("lambda").invoke(FunctionName=target["Arn"], InvocationType="Event", Payload=json.dumps(event))


def given(name: str, topic: str) -> dict[str, str]:
    ecs = dict.fromkeys(("Cluster", "TaskDefinition", "Container", "TaskRoles", "Subnets", "SecurityGroup"), "none")
    key = f"arn:aws:kms:{REGION}:{DEFAULT_ACCOUNT_ID}:key/1"
    return ecs | {
        "Monitored": f"{name}-markers", "AccessLog": name, "KeyArn": key, "Topic": topic, "Runner": "host",
        "Instance": INSTANCE,
    }  # fmt: skip


def created(cloudformation: Any, name: str, body: dict, parameters: dict[str, str]) -> dict[str, str]:
    """Create a stack, and return the ids of what it made by their names."""
    listed = [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()]
    cloudformation.create_stack(StackName=name, TemplateBody=json.dumps(body), Parameters=listed)
    cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    made = cloudformation.describe_stack_resources(StackName=name)["StackResources"]
    return {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in made}


@pytest.fixture
def drop(project) -> Drop:
    project.set("stocks", source="stocks")
    project.set("core", local_scheduler="true")
    project.given_tables()
    return Drop(project.folder / "stocks")


def test_the_upload_of_a_marker_ends_with_its_day_in_the_table(stack, project, drop):
    drop.put("a.us.csv", LINE)
    drop.list("a.us.csv")
    told: list[dict[str, Any]] = []
    stack.runs.is_sent = (host := Host(project, ssm_backends[DEFAULT_ACCOUNT_ID][REGION], told.append)).run

    stack.upload(DAY)

    wait_until(lambda: told, 60)
    assert told[0]["detail"]["status"] == "Success", host.said
    rows = project.database_query("SELECT stock_date::text, volume_traded, company_name FROM historical_stocks_data")
    assert rows == [("2017-11-09", 1, "a")]
    assert drop.published.read_text().startswith("2017-11-09")
    stack.tell(told[0])
    wait_until(lambda: stack.claim(DAY)["ended_at"])


def test_the_next_marker_of_a_day_whose_run_failed_starts_another(stack):
    stack.upload(NEXT_DAY)
    wait_until(lambda: stack.runs.commands)
    [command] = stack.runs.commands
    wait_until(lambda: NEXT_DAY in stack.claimed())

    command.status = "Failed"
    stack.tell(ended(command))

    wait_until(lambda: NEXT_DAY not in stack.claimed())
    stack.upload(NEXT_DAY)
    wait_until(lambda: len(stack.runs.commands) == 2)
    assert [one.parameters for one in stack.runs.commands] == [{"date": [NEXT_DAY]}] * 2


def test_the_ends_of_its_own_runs_are_told_and_nothing_else_of_them(stack):
    rule = stack.aws("events").describe_rule(Name=stack.made.RunEnds)
    of_others = SimpleNamespace(command_id="1", document_name="AWS-RunShellScript", status="Failed", parameters={})
    ours = [SimpleNamespace(**vars(of_others) | {"document_name": DOCUMENT, "status": status}) for status in STATUSES]

    fits = [
        stack.aws("events").test_event_pattern(EventPattern=rule["EventPattern"], Event=json.dumps(ended(one)))
        for one in (*ours, of_others)
    ]

    assert [one["Result"] for one in fits] == [False, False, True, True, False]


@pytest.mark.faults
def test_the_topic_hears_of_a_marker_that_was_given_up(stack, aws):
    queue = aws("sqs").create_queue(QueueName="given-up")["QueueUrl"]
    about = aws("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
    aws("sns").subscribe(TopicArn=stack.made.topic, Protocol="sqs", Endpoint=about["Attributes"]["QueueArn"])
    stack.runs.faults.add(kind="throttle", part="SendCommand", times=3)

    stack.upload("2017-11-12")

    heard: list[Any] = []
    wait_until(lambda: heard.extend(aws("sqs").receive_message(QueueUrl=queue).get("Messages", ())) or heard)
    assert "2017-11-12.SUCCESS ObjectCreated:Put: Throttling" in json.dumps(json.loads(heard[0]["Body"]))
    assert "2017-11-12" not in stack.claimed()
