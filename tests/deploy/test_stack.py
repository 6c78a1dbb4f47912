"""The stack of deploy/, created on a server that knows most of its types, and looked at through that server."""

from __future__ import annotations

import json
import time
import uuid

import boto3
import pytest
from cloudformation import MAIN, NAMES, template, types, without
from fixtures_s3 import REGION

# What MiniStack cannot make; it refuses a template that has one of them. Of a bucket it takes versioning and policy,
# so test_templates.py looks at the rest.
UNKNOWN = {
    "AWS::EC2::FlowLog",
    "AWS::EC2::Instance",
    "AWS::EC2::SecurityGroupEgress",
    "AWS::EC2::SecurityGroupIngress",
    "AWS::EMR::SecurityConfiguration",
    "AWS::EMRServerless::Application",
    "AWS::RedshiftServerless::Namespace",
    "AWS::RedshiftServerless::Workgroup",
    "AWS::SSM::Document",
}
# The function's code is a folder, so test_trigger_stack.py creates that stack.
CREATED = [name for name in NAMES if name != "trigger.yaml"]
# It makes no secret for the password of a database.
UNKNOWN_ATTRIBUTE = "MasterUserSecret.SecretArn"
MISSING = UNKNOWN | {UNKNOWN_ATTRIBUTE}


@pytest.fixture(scope="module")
def aws(ministack):
    """Return a function that makes a client of a service."""
    return lambda service: boto3.client(service, endpoint_url=ministack, region_name=REGION)


@pytest.fixture(scope="module")
def stack(aws, ministack):
    """Create the stack without what the server does not know, and return its resources by template and name."""
    bucket = f"templates-{uuid.uuid4().hex[:8]}"
    aws("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    for name in NAMES:
        aws("s3").put_object(Bucket=bucket, Key=name, Body=json.dumps(without(name, MISSING)).encode())
    main = json.dumps(without(MAIN, MISSING)).replace('"TemplateURL": "', f'"TemplateURL": "{ministack}/{bucket}/')
    cloudformation = aws("cloudformation")
    prefix_list = {"ParameterKey": "S3PrefixList", "ParameterValue": "pl-6da54004"}
    cloudformation.create_stack(
        StackName="lakeshift", TemplateBody=main, Parameters=[prefix_list], Capabilities=["CAPABILITY_IAM"]
    )
    wait_until_created(cloudformation)
    nested = resources_of(cloudformation, "lakeshift")
    return {MAIN: nested} | {
        f"{name.lower()}.yaml": resources_of(cloudformation, id)
        for name, id in nested.items()
        if f"{name.lower()}.yaml" in NAMES
    }


def wait_until_created(cloudformation) -> None:
    deadline = time.monotonic() + 60
    while (found := cloudformation.describe_stacks(StackName="lakeshift")["Stacks"][0])["StackStatus"].endswith(
        "IN_PROGRESS"
    ):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    events = cloudformation.describe_stack_events(StackName="lakeshift")["StackEvents"]
    assert found["StackStatus"] == "CREATE_COMPLETE", [event.get("ResourceStatusReason") for event in events]


def resources_of(cloudformation, name: str) -> dict[str, str]:
    """Return the ids of what a stack made, by their names in its template."""
    found = cloudformation.describe_stack_resources(StackName=name)["StackResources"]
    return {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in found}


@pytest.mark.parametrize("name", CREATED)
def test_all_that_the_server_knows_is_created(stack, name):
    declared = without(name, MISSING)["Resources"]

    assert set(stack[name]) == {key for key, one in declared.items() if "Condition" not in one}


def test_the_server_says_which_types_it_does_not_know(aws):
    for kind in UNKNOWN:
        name = next(name for name in NAMES if kind in types(name))
        declared = next(one for one in template(name)["Resources"].values() if one["Type"] == kind)

        with pytest.raises(aws("cloudformation").exceptions.ClientError, match=f"Unrecognized.*{kind}"):
            aws("cloudformation").create_stack(
                StackName="unknown", TemplateBody=json.dumps({"Resources": {"It": declared | {"Properties": {}}}})
            )


def test_the_lake_keeps_what_is_replaced(aws, stack):
    assert aws("s3").get_bucket_versioning(Bucket=stack["lake.yaml"]["Bucket"])["Status"] == "Enabled"


def test_the_buckets_are_reached_by_tls_only(aws, stack):
    for name in ("Bucket", "AccessLog"):
        bucket = stack["lake.yaml"][name]
        policy = json.loads(aws("s3").get_bucket_policy(Bucket=bucket)["Policy"])

        denied = next(one for one in policy["Statement"] if one["Sid"] == "TlsOnly")

        assert (denied["Effect"], denied["Principal"], denied["Action"]) == ("Deny", "*", "s3:*")
        assert denied["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        assert denied["Resource"] == [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]


def test_no_security_group_lets_anything_out_to_everywhere(aws, stack):
    groups = [id for name, id in stack["network.yaml"].items() if name.endswith("SecurityGroup")]

    found = aws("ec2").describe_security_groups(GroupIds=groups)["SecurityGroups"]

    ranges = [one["CidrIp"] for group in found for rule in group["IpPermissionsEgress"] for one in rule["IpRanges"]]
    assert len(found) == 6
    assert set(ranges) == {"127.0.0.1/32"}
