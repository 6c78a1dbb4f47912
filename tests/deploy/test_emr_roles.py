"""What EMR's roles may do, asked of their policies with the places and the calls of the code."""

from __future__ import annotations

import re

import pytest
from cloudformation import resources
from fixtures_s3 import REGION, new_bucket
from project import ROOT
from role_policies import listed, may, statements

from emr.clusters.request import ROOT_TAG, packaged
from pipeline.core import config
from pipeline.core.lake import Dataset, Lake, Partition
from pipeline.core.lake.paths import MANIFESTS, QUARANTINE, RERUNS
from pipeline.core.spark import on_emr, on_serverless
from pipeline.core.spark.run_cluster import LOGS
from pipeline.core.store.s3 import S3Store

JOB = "classified_movie_review"
RAW = "raw/movie_review/1/insert_date=2010-12-01"
# RunJobFlow asks for these before its cluster has an id, or a tag.
BEFORE_TAGGED = {"AddTags", "PutAutoTerminationPolicy", "PutManagedScalingPolicy"}
EMR = "elasticmapreduce:"
MANAGED = "for-use-with-amazon-emr-managed-policies"


@pytest.fixture
def attempt(ministack):
    """An attempt of the job's dataset, below the root that deploy/aws.cfg names."""
    store = S3Store(f"{new_bucket(ministack)}/lake", ministack, REGION)
    return Lake(store).begin(Dataset("stage", JOB), Partition("insert_date", "2010-12-01"), "task")


def test_a_clusters_instances_read_and_write_where_the_steps_do(attempt):
    places = on_emr._places({attempt: attempt.store.url(RAW)}) | {"code": attempt.store.url("code/1")}
    used = {place for place in places.values() if place.startswith("s3://")}

    assert used == {places["lake_input"], places["lake_result"], places["code"]}
    assert may("NodeRole", "s3:GetObject", f"{places['lake_input']}/part-0000.csv")
    assert may("NodeRole", "s3:GetObject", f"{places['code']}/spark_jobs.zip")
    assert may("NodeRole", "s3:PutObject", f"{places['lake_result']}/report.json")
    assert not may("NodeRole", "s3:PutObject", f"{places['lake_input']}/part-0000.csv")


def test_a_job_run_reads_and_writes_where_it_is_told_to(attempt):
    places = on_serverless._places({attempt: attempt.store.url(RAW)})

    assert [may("JobRole", "s3:GetObject", f"{one}/part-0000.csv") for one in places["input"]] == [True]
    for place in (places["output"], places["refused"], places["report"]):
        assert may("JobRole", "s3:PutObject", f"{place}/_temporary/0/part-0000")
        assert may("JobRole", "s3:DeleteObject", f"{place}/_temporary/0/part-0000")


@pytest.mark.parametrize("role", ["NodeRole", "JobRole"])
@pytest.mark.parametrize("action", ["s3:PutObject", "s3:DeleteObject"])
def test_no_job_commits_or_undoes_or_asks_for_a_rerun(attempt, role, action):
    beside = [f"stage/{JOB}/{folder}/{attempt.partition}" for folder in (MANIFESTS, RERUNS)]
    kept = [*beside, f"_emr/stage/{JOB}/{attempt.partition}.json", RAW, f"{QUARANTINE}/{JOB}/1", "code/1/a.py"]

    assert not [path for path in kept if may(role, action, attempt.store.url(path))]


@pytest.mark.parametrize(
    ("role", "folder"), [("NodeRole", LOGS.strip("/")), ("JobRole", on_serverless.LOGS.strip("/"))]
)
def test_logs_go_where_the_settings_have_them(attempt, role, folder):
    assert may(role, "s3:PutObject", f"{attempt.store.url(folder)}/j-1/steps/s-1/stderr.gz")
    assert folder.startswith("logs/")


def host(service: str) -> set[str]:
    """Return what the host's role may ask of a service."""
    actions = [action for one in statements("Role") for action in listed(one["Action"])]
    return {action.partition(":")[2] for action in actions if action.startswith(f"{service}:")}


def called(is_serverless: bool) -> set[str]:
    """Return the calls that the modules make of boto3's client for EMR, or for EMR Serverless."""
    files = [file for file in (ROOT / "emr").rglob("*.py") if (file.stem == "serverless") == is_serverless]
    text = "".join(file.read_text() for file in files)
    names = re.findall(r"get_paginator\(\"(\w+)\"|_pages\(emr, \"(\w+)\"|(?:client|once)\.(?!get_)(\w+)[(,]", text)
    names += [(name,) for name in re.findall(r"client\.(get_(?!paginator)\w+)\(", text)]
    snakes = {next(filter(None, found)) for found in names}
    return {"".join(word.capitalize() for word in snake.split("_")) for snake in snakes}


def test_the_host_may_make_every_call_of_emr_that_the_code_makes():
    calls = called(is_serverless=False)

    assert {"RunJobFlow", "AddJobFlowSteps", "TerminateJobFlows", "ListClusters", "ListInstances"} <= calls
    assert calls <= host("elasticmapreduce")


def test_the_host_may_make_every_call_of_emr_serverless_that_the_code_makes():
    calls = called(is_serverless=True)

    assert {"StartJobRun", "GetJobRun", "ListJobRuns", "CancelJobRun"} <= calls
    assert calls <= host("emr-serverless")


def test_what_the_host_may_change_of_any_cluster_is_what_making_one_asks_for_and_the_documents_say_so():
    tagged = f"aws:ResourceTag/{ROOT_TAG}"
    changes = {
        action.removeprefix(EMR)
        for one in statements("Role")
        for action in listed(one["Action"])
        if action.startswith(EMR) and tagged not in one.get("Condition", {}).get("StringLike", ())
    }

    assert {name for name in changes if not name.startswith(("Describe", "List"))} == BEFORE_TAGGED | {"RunJobFlow"}
    assert all(name in (ROOT / "docs/aws.md").read_text() for name in BEFORE_TAGGED)


@pytest.mark.parametrize("action", ["RunJobFlow", "AddTags"])
def test_the_host_makes_no_cluster_without_the_tag(action):
    [allowed] = [one for one in statements("Role") if one["Action"] == f"{EMR}{action}"]

    assert allowed["Condition"] == {"StringLike": {f"aws:RequestTag/{ROOT_TAG}": "?*"}}


def test_the_host_hands_each_role_to_the_service_that_it_is_for_only():
    passed = {
        one["Resource"]["Ref"]: next(iter(one["Condition"].values()))["iam:PassedToService"].rstrip("*")
        for one in statements("Role")
        if one["Action"] == "iam:PassRole"
    }

    assert passed == {
        "EmrServiceRoleArn": "elasticmapreduce.amazonaws.com",
        "NodeRoleArn": "ec2.amazonaws.com",
        "JobRoleArn": "emr-serverless.amazonaws.com",
    }


def test_what_emrs_own_role_uses_has_the_tag_that_it_is_bound_to():
    groups = {name: one for name, one in resources("AWS::EC2::SecurityGroup") if name.startswith(("Node", "Emr"))}
    network = [*groups.values(), *(one for _, one in resources("AWS::EC2::Subnet"))]
    network += [one for _, one in resources("AWS::EC2::VPC")]

    assert len(network) == 6
    assert all({"Key": MANAGED, "Value": "true"} in one["Tags"] for one in network)
    assert f'"{MANAGED}", "Value": "true"' in packaged()


def test_a_clusters_disks_and_what_it_writes_are_encrypted_and_its_credentials_need_a_token():
    [(_, one)] = resources("AWS::EMR::SecurityConfiguration")
    encryption = one["SecurityConfiguration"]["EncryptionConfiguration"]["AtRestEncryptionConfiguration"]

    assert encryption["S3EncryptionConfiguration"] == {"EncryptionMode": "SSE-KMS", "AwsKmsKey": {"Ref": "KeyArn"}}
    assert encryption["LocalDiskEncryptionConfiguration"]["EnableEbsEncryption"] is True
    metadata = one["SecurityConfiguration"]["InstanceMetadataServiceConfiguration"]
    assert metadata["MinimumInstanceMetadataServiceVersion"] == 2


def test_the_application_is_of_the_clusters_release_costs_nothing_at_rest_and_is_bounded():
    [(_, application)] = resources("AWS::EMRServerless::Application")

    assert application["ReleaseLabel"] == config.Emr.__dataclass_fields__["release"].metadata["default"]
    assert application["AutoStopConfiguration"]["Enabled"] is True
    assert "InitialCapacity" not in application and application["MaximumCapacity"]
