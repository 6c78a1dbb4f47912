"""What the template of the trigger promises: what the function may do, is told, and can have run."""

from __future__ import annotations

import ast
import re
import sys
from typing import Any

import pytest
from cloudformation import DEPLOY, resources, template
from fixtures_trigger import run_document
from trigger import handler

from pipeline.core import config

CODE = {path.stem: path.read_text() for path in (DEPLOY / "lambda/trigger").glob("*.py")}
TRIGGER = template("trigger.yaml")["Resources"]
PATTERN = run_document()["parameters"]["date"]["allowedPattern"]


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def statements(*names: str) -> list[dict[str, Any]]:
    """Return what policies, or those within a role, say."""
    said = [TRIGGER[name]["Properties"] for name in names]
    policies = [policy for one in said for policy in one.get("Policies", [one])]
    return [statement for policy in policies for statement in policy["PolicyDocument"]["Statement"]]


def allowed(service: str, *names: str) -> set[str]:
    actions = [action for one in statements(*names) for action in listed(one["Action"])]
    return {action.partition(":")[2] for action in actions if action.startswith(f"{service}:")}


def called(module: str, client: str) -> set[str]:
    """Return the calls that a module makes of a client, as IAM names them."""
    names = re.findall(rf"self\.{client}\.(?!get_paginator|exceptions)(\w+)", CODE[module])
    return {"".join(word.capitalize() for word in name.split("_")) for name in names}


def test_the_function_may_make_the_calls_of_its_code_and_no_others():
    asked_for = called("claims", "s3") - {"ListObjectsV2"} | {"ListBucket"}

    assert allowed("s3", "TriggerRole") == asked_for == {"GetObject", "PutObject", "DeleteObject", "ListBucket"}
    assert allowed("ssm", "StartOnHost") == called("runs", "ssm") == {"SendCommand", "ListCommands"}
    assert allowed("ecs", "StartOnEcs") == called("runs", "ecs") == {"RunTask", "DescribeTasks"}


def test_the_function_writes_claims_and_no_marker():
    writes = [one for one in statements("TriggerRole") if "s3:PutObject" in listed(one["Action"])]

    assert [one["Resource"] for one in writes] == [
        {"Fn::Sub": "arn:${AWS::Partition}:s3:::${Monitored}/_claims/stocks/*"}
    ]


def test_the_function_sends_its_document_to_its_host_and_nothing_else():
    [sends] = [one for one in statements("StartOnHost") if one["Action"] == "ssm:SendCommand"]

    assert [one["Fn::Sub"].rpartition(":")[2] for one in sends["Resource"]] == [
        "document/${RunDocument}",
        "instance/${Instance}",
    ]


def test_the_function_hands_on_roles_to_tasks_only_and_starts_one_definition_on_one_cluster():
    [passes] = [one for one in statements("StartOnEcs") if one["Action"] == "iam:PassRole"]
    [runs] = [one for one in statements("StartOnEcs") if one["Action"] == "ecs:RunTask"]

    assert passes["Condition"] == {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}
    assert runs["Resource"] == {"Ref": "TaskDefinition"}
    assert runs["Condition"] == {"ArnEquals": {"ecs:cluster": {"Ref": "Cluster"}}}


@pytest.mark.parametrize("given", ["2017-11-10; reboot", "$(id)", "2017-11-10\nid", "", "today"])
def test_a_day_is_all_that_the_document_takes(given):
    assert re.search(PATTERN, given) is None
    assert list(run_document()["parameters"]) == ["date"]


def test_a_day_runs_as_lakeshift_with_the_settings_of_the_host_and_speaks_to_the_journal():
    [step] = run_document()["mainSteps"]
    cron = (DEPLOY / "host/lakeshift.cron").read_text()

    [_, command] = step["inputs"]["runCommand"]

    assert command.startswith("exec runuser -u lakeshift -- systemd-cat -t lakeshift lakeshift-env luigi --module")
    assert "  lakeshift  systemd-cat -t lakeshift lakeshift-env luigi --module" in cron


def test_the_function_is_given_every_name_that_its_code_takes():
    given = TRIGGER["Function"]["Properties"]["Environment"]["Variables"]
    taken = set(re.findall(r'given\["(\w+)"\]', CODE["handler"] + CODE["runs"]))

    assert taken == set(given)


def test_a_day_ends_for_the_function_when_it_does_for_a_run(settings):
    given = TRIGGER["Function"]["Properties"]["Environment"]["Variables"]

    assert given["TIMEZONE"] == str(config.stocks().timezone)
    assert given["CLOSES"] == f"{config.stocks().closes:%H:%M}"


def test_who_is_given_up_for_gone_is_gone():
    function = TRIGGER["Function"]["Properties"]
    [gone] = re.findall(r"^GONE_SECONDS = (\d+)$", CODE["marker"], re.M)

    assert function["Timeout"] < int(gone) < 60


def test_a_call_that_nobody_answers_leaves_the_function_time_to_say_so():
    tries = 2

    assert tries * sum(handler.WAITS.values()) < TRIGGER["Function"]["Properties"]["Timeout"]


def test_the_bucket_tells_of_markers_only_and_may_do_so_before_it_is_made():
    [tells] = TRIGGER["Markers"]["Properties"]["NotificationConfiguration"]["LambdaConfigurations"]

    assert tells["Filter"] == {"S3Key": {"Rules": [{"Name": "suffix", "Value": ".SUCCESS"}]}}
    assert TRIGGER["Markers"]["DependsOn"] == "TellPermission"
    assert TRIGGER["TellPermission"]["Properties"]["SourceAccount"] == {"Ref": "AWS::AccountId"}


def test_the_bucket_is_reached_by_tls_only_as_the_lake_is():
    policies = dict(resources("AWS::S3::BucketPolicy"))
    ours, lakes = (
        {one["Sid"]: one["Condition"] for one in policies[name]["PolicyDocument"]["Statement"]}
        for name in ("MarkersPolicy", "BucketPolicy")
    )

    assert ours == lakes == {
        "TlsOnly": {"Bool": {"aws:SecureTransport": "false"}},
        "Tls12AtLeast": {"NumericLessThan": {"s3:TlsVersion": "1.2"}},
    }  # fmt: skip


def test_an_event_that_is_given_up_is_told_to_the_topic():
    assert TRIGGER["Tries"]["Properties"]["DestinationConfig"] == {"OnFailure": {"Destination": {"Ref": "Topic"}}}
    assert "Publish" in allowed("sns", "TriggerRole")


def test_the_functions_code_needs_what_lambda_has_and_nothing_else():
    nodes = [node for text in CODE.values() for node in ast.walk(ast.parse(text))]
    modules = [node.module for node in nodes if isinstance(node, ast.ImportFrom)]
    modules += [one.name for node in nodes if isinstance(node, ast.Import) for one in node.names]

    imported = {module.partition(".")[0] for module in modules}

    assert imported - {"trigger", "boto3", "botocore"} <= sys.stdlib_module_names
    assert (DEPLOY / "lambda/trigger/markers.py").resolve() == DEPLOY.parent / "pipeline/core/markers.py"


def test_the_topic_is_encrypted_and_is_told_by_tls_only():
    topics, policies = dict(resources("AWS::SNS::Topic")), dict(resources("AWS::SNS::TopicPolicy"))
    [denied] = policies["TopicPolicy"]["PolicyDocument"]["Statement"]

    assert topics["Topic"]["KmsMasterKeyId"] == {"Ref": "KeyArn"}
    assert (denied["Effect"], denied["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
