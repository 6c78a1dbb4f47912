"""The function that starts a day's run, where runs are tasks of ECS."""

from __future__ import annotations

import boto3
import pytest
from fixtures_s3 import REGION
from fixtures_trigger import CONTEXT, forget_clients
from trigger import handler, marker

DAY = "2017-11-10"


@pytest.fixture(scope="module")
def place(run_server) -> dict[str, str]:
    """Where tasks are made, as the function's environment says it."""
    ecs, ec2 = (
        boto3.client(name, endpoint_url=run_server.endpoint, region_name=REGION) for name in ("ecs", "ec2")
    )  # fmt: skip
    cluster = ecs.create_cluster(clusterName="runs")["cluster"]["clusterArn"]
    definition = ecs.register_task_definition(
        family="lakeshift", networkMode="awsvpc", requiresCompatibilities=["FARGATE"], cpu="1024", memory="4096",
        containerDefinitions=[{"name": "run", "image": "lakeshift", "cpu": 1024, "memory": 4096}],
    )["taskDefinition"]["taskDefinitionArn"]  # fmt: skip
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    return {
        "RUNNER": "ecs", "CLUSTER": cluster, "TASK_DEFINITION": definition, "CONTAINER": "run", "SUBNETS": subnet,
        "SECURITY_GROUPS": "sg-1",
    }  # fmt: skip


@pytest.fixture
def on_ecs(trigger, place, monkeypatch):
    for name, value in place.items():
        monkeypatch.setenv(name, value)
    forget_clients()
    return trigger


def end(on_ecs, *exit_codes) -> str:
    """Stop the one task, and return what is answered when EventBridge tells so."""
    [task] = on_ecs.runs.tasks.values()
    task.containers = [{"name": "run"} | ({} if code is None else {"exitCode": code}) for code in exit_codes]
    task.last_status = "STOPPED"
    about = {"taskArn": task.task_arn, "startedBy": task.started_by, "lastStatus": "STOPPED"}
    detail = about | {"containers": task.containers}
    [line] = handler.handle({"detail-type": "ECS Task State Change", "detail": detail}, CONTEXT)
    return line


def test_a_marker_starts_its_days_task(on_ecs, place):
    on_ecs.tell(on_ecs.put(f"{DAY}.SUCCESS"))

    [task] = on_ecs.runs.tasks.values()
    assert on_ecs.claim(DAY)["run"] == task.task_arn
    assert task.task_definition_arn == place["TASK_DEFINITION"]
    [override] = task.overrides["containerOverrides"]
    assert override["name"] == "run"
    assert " ".join(override["command"]) == f"luigi --module pipeline.stocks HistoricalStocks --date {DAY}"
    assert task.network_configuration["awsvpcConfiguration"]["assignPublicIp"] == "DISABLED"


@pytest.mark.parametrize("before", [True, False])
def test_of_a_task_whose_answer_was_lost_there_is_one(on_ecs, monkeypatch, before):
    record = on_ecs.put(f"{DAY}.SUCCESS")
    on_ecs.runs.faults.add(kind="cut", part="RunTask", before=before)
    with pytest.raises(handler.Unanswered):
        on_ecs.tell(record)

    monkeypatch.setattr(marker, "GONE_SECONDS", 0)
    on_ecs.tell(record)

    [task] = on_ecs.runs.tasks.values()
    assert on_ecs.claim(DAY)["run"] == task.task_arn


def test_an_event_that_comes_again_starts_no_other_task(on_ecs):
    record = on_ecs.put(f"{DAY}.SUCCESS")

    [_, again] = on_ecs.tell(record, record)

    assert f"ignored, the run of {DAY} is running" in again
    assert len(on_ecs.runs.tasks) == 1


@pytest.mark.parametrize("exit_codes", [(30,), (None,), (0, 1)])
def test_the_day_of_a_task_that_failed_or_never_ran_is_free(on_ecs, exit_codes):
    on_ecs.tell(on_ecs.put(f"{DAY}.SUCCESS"))

    told = end(on_ecs, *exit_codes)

    assert told.endswith(f"has failed; {DAY} is free for its next marker")
    assert on_ecs.claim(DAY) is None


def test_the_day_of_a_task_that_ended_well_stays_taken(on_ecs):
    on_ecs.tell(on_ecs.put(f"{DAY}.SUCCESS"))

    told = end(on_ecs, 0)

    assert told.endswith(f"is done; {DAY} is not run again")
    on_ecs.runs.tasks.clear()
    [line] = on_ecs.tell(on_ecs.put(f"{DAY}.SUCCESS"))
    assert f"ignored, the run of {DAY} is done" in line


def test_a_task_that_ecs_refuses_fails_the_event_and_keeps_no_day(on_ecs):
    on_ecs.runs.refuses_tasks = "RESOURCE:MEMORY"

    with pytest.raises(handler.Unanswered, match="NotStarted: RESOURCE:MEMORY"):
        on_ecs.tell(on_ecs.put(f"{DAY}.SUCCESS"))

    assert on_ecs.claim(DAY) is None


def test_the_end_of_a_task_that_others_started_is_no_business_of_it(on_ecs):
    detail = {"taskArn": "arn:aws:ecs:1", "startedBy": "ecs-svc/1", "lastStatus": "STOPPED", "containers": []}

    [line] = handler.handle({"detail-type": "ECS Task State Change", "detail": detail}, CONTEXT)

    assert line.endswith("is of no run that this function started")
