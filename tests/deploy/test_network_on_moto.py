"""What MiniStack does not know of the stack, created on moto: who may connect to whom, and what the host installs."""

from __future__ import annotations

import json
import subprocess
import sys

import boto3
import pytest
from cloudformation import without
from fixtures_s3 import REGION, free_port, wait_until_it_answers

KEY = f"arn:aws:kms:{REGION}:123456789012:key/1"
# moto knows the one only with an image of its own, and not by its launch template.
UNKNOWN = {"AWS::EC2::Instance", "AWS::EC2::SecurityGroupEgress"}
GIVEN = {
    "Bucket": "lake-1",
    "Monitored": "markers-1",
    "Topic": "arn:aws:sns:eu-west-1:123456789012:lakeshift-alerts",
    "Project": "2304_Stock_Prices",
    "InstanceType": "m7i.large",
    "WorkgroupArn": "arn:aws:redshift-serverless:1",
    "WarehouseHost": "warehouse.example",
    "DatabaseHost": "database.example",
    "DatabaseSecret": "arn:aws:secretsmanager:1",
    "Subnets": "subnet-1,subnet-2",
    "NodeSecurityGroup": "sg-1",
    "EmrSecurityGroup": "sg-2",
    "EmrServiceRole": "lakeshift-emr",
    "EmrServiceRoleArn": "arn:aws:iam::123456789012:role/lakeshift-emr",
    "NodeProfile": "lakeshift-nodes",
    "NodeRoleArn": "arn:aws:iam::123456789012:role/lakeshift-nodes",
    "SecurityConfiguration": "lakeshift-safe",
    "Application": "00f1abcdexample0",
    "ApplicationArn": "arn:aws:emr-serverless:eu-west-1:123456789012:/applications/00f1abcdexample0",
    "JobRoleArn": "arn:aws:iam::123456789012:role/lakeshift-job",
}


@pytest.fixture(scope="module")
def aws(ministack):
    """Return a function that makes a client of a service of moto; its keys are those of MiniStack's tests."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "--host", "127.0.0.1", "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            wait_until_it_answers(f"http://127.0.0.1:{port}", server)
            yield lambda service: boto3.client(service, endpoint_url=f"http://127.0.0.1:{port}", region_name=REGION)
        finally:
            server.kill()


def created(aws, name: str, body: dict, **parameters: str) -> dict[str, str]:
    """Create a stack of all that a template declares, and return its outputs."""
    cloudformation = aws("cloudformation")
    given = [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()]
    cloudformation.create_stack(StackName=name, TemplateBody=json.dumps(body), Parameters=given)
    [stack] = cloudformation.describe_stacks(StackName=name)["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    made = cloudformation.describe_stack_resources(StackName=name)["StackResources"]
    assert {one["LogicalResourceId"] for one in made} == set(body["Resources"])
    return {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}


@pytest.fixture(scope="module")
def network(aws):
    return created(aws, "network", without("network.yaml", UNKNOWN), KeyArn=KEY, Addresses="10.61", S3PrefixList="pl-1")


def test_the_groups_are_reached_by_those_that_use_them_and_the_host_by_nobody(aws, network):
    names = {id: name for name, id in network.items() if name.endswith("SecurityGroup")}

    found = aws("ec2").describe_security_groups(GroupIds=list(names))["SecurityGroups"]

    assert {
        names[group["GroupId"]]: {
            (names[source["GroupId"]], rule["FromPort"], rule["ToPort"])
            for rule in group["IpPermissions"]
            for source in rule["UserIdGroupPairs"]
        }
        for group in found
    } == {
        "HostSecurityGroup": set(),
        "WarehouseSecurityGroup": {("HostSecurityGroup", 5439, 5439)},
        "DatabaseSecurityGroup": {("HostSecurityGroup", 5432, 5432)},
        "EndpointSecurityGroup": {
            ("HostSecurityGroup", 443, 443),
            ("WarehouseSecurityGroup", 443, 443),
            ("NodeSecurityGroup", 443, 443),
        },
        "NodeSecurityGroup": {
            ("NodeSecurityGroup", 0, 65535),
            ("NodeSecurityGroup", -1, -1),
            ("EmrSecurityGroup", 8443, 8443),
        },
        "EmrSecurityGroup": {("NodeSecurityGroup", 9443, 9443)},
    }
    assert not [rule for group in found for rule in group["IpPermissions"] if rule["IpRanges"] or rule["Ipv6Ranges"]]


def test_what_the_network_refuses_is_logged(aws, network):
    [log] = aws("ec2").describe_flow_logs()["FlowLogs"]

    assert (log["ResourceId"], log["TrafficType"], log["FlowLogStatus"]) == (network["Vpc"], "REJECT", "ACTIVE")


def test_the_host_installs_what_lies_in_the_bucket(aws, network):
    place = {"Subnet": network["HostSubnet"], "SecurityGroup": network["HostSecurityGroup"]}
    made = created(aws, "host", without("host.yaml", UNKNOWN), KeyArn=KEY, **GIVEN, **place)

    content = aws("ssm").get_document(Name=made["InstallDocument"])["Content"]

    assert "s3://lake-1/release/{{name}}" in content
    assert "LAKESHIFT_WAREHOUSE=warehouse.example" in content
    assert "LAKESHIFT_PROJECT=2304_Stock_Prices LAKESHIFT_MONITORED=markers-1" in content
    assert "LAKESHIFT_SUBNETS=subnet-1,subnet-2 LAKESHIFT_NODE_GROUP=sg-1" in content
