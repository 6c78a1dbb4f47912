"""What the templates of deploy/ promise, whatever a server makes of them."""

from __future__ import annotations

import re

import pytest
from cloudformation import DEPLOY, NAMES, resources, template

from pipeline.core.warehouse.redshift.warehouse import REMEDIES

# What is open to whoever asks, since it is Amazon's.
PACKAGES = dict.fromkeys(("AmazonLinuxPackages", "EmrPackages", "ImageLayers"), "s3:GetObject")
AMAZONS = PACKAGES | {"EmrLogs": "s3:PutObject"}


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_open_to_everywhere(name):
    text = (DEPLOY / name).read_text()

    assert not re.search(r"/0\b", text)
    assert not re.search("InternetGateway|NatGateway|EIP", text)


def test_nobody_connects_to_the_host():
    targets = {rule["GroupId"]["Ref"] for _, rule in resources("AWS::EC2::SecurityGroupIngress")}

    assert {target.removesuffix("SecurityGroup") for target in targets} == {
        "Warehouse", "Database", "Endpoint", "Node", "Emr"
    }  # fmt: skip
    assert not [group for _, group in resources("AWS::EC2::SecurityGroup") if "SecurityGroupIngress" in group]


def test_the_host_asks_for_its_credentials_by_token_and_has_no_key_pair():
    [(_, launch)] = resources("AWS::EC2::LaunchTemplate")
    data = launch["LaunchTemplateData"]

    assert data["MetadataOptions"]["HttpTokens"] == "required"
    assert data["NetworkInterfaces"][0]["AssociatePublicIpAddress"] is False
    assert all(device["Ebs"]["Encrypted"] for device in data["BlockDeviceMappings"])
    assert "KeyName" not in data


def test_the_databases_are_private_encrypted_and_speak_tls():
    [(_, database)] = resources("AWS::RDS::DBInstance")
    [(_, parameters)] = resources("AWS::RDS::DBParameterGroup")
    [(_, namespace)] = resources("AWS::RedshiftServerless::Namespace")
    [(_, workgroup)] = resources("AWS::RedshiftServerless::Workgroup")
    settings = {one["ParameterKey"]: one["ParameterValue"] for one in workgroup["ConfigParameters"]}

    assert (database["PubliclyAccessible"], workgroup["PubliclyAccessible"]) == (False, False)
    assert database["StorageEncrypted"] is True
    assert database["KmsKeyId"] == namespace["KmsKeyId"] == {"Ref": "KeyArn"}
    assert (parameters["Parameters"]["rds.force_ssl"], settings["require_ssl"]) == ("1", "true")
    assert workgroup["EnhancedVpcRouting"] is True


def test_no_template_holds_or_takes_a_password():
    assert (dict(resources("AWS::RDS::DBInstance"))["Database"]["ManageMasterUserPassword"]) is True
    assert (dict(resources("AWS::RedshiftServerless::Namespace"))["Namespace"]["ManageAdminPassword"]) is True
    for name in NAMES:
        assert not re.search(r"NoEcho|MasterUserPassword:(?! true)|AdminUserPassword:", (DEPLOY / name).read_text())
        assert not [one for one in template(name).get("Parameters", {}) if re.search("(?i)password", one)]


def test_every_bucket_is_closed_and_encrypted():
    buckets = dict(resources("AWS::S3::Bucket"))
    keys = {
        name: bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"][0]["ServerSideEncryptionByDefault"]
        for name, bucket in buckets.items()
    }

    assert all(set(one["PublicAccessBlockConfiguration"].values()) == {True} for one in buckets.values())
    assert keys["Bucket"] == {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": {"Ref": "KeyArn"}}
    assert keys["Markers"] == keys["Bucket"]
    assert keys["AccessLog"] == {"SSEAlgorithm": "AES256"}


def test_no_data_of_the_lake_expires_while_a_manifest_may_name_it():
    rules = dict(resources("AWS::S3::Bucket"))["Bucket"]["LifecycleConfiguration"]["Rules"]

    assert [rule["Prefix"] for rule in rules if "ExpirationInDays" in rule] == ["lake/quarantine/", "lake/logs/"]
    assert [rule["AbortIncompleteMultipartUpload"] for rule in rules if "AbortIncompleteMultipartUpload" in rule] == [
        {"DaysAfterInitiation": 7}
    ]


def statements() -> list[tuple[str, dict]]:
    """Return the statements of all roles, each with its role's name, or that of the policy beside it."""
    within = [(name, one) for name, role in resources("AWS::IAM::Role") for one in role.get("Policies", ())]
    return [
        (name, statement)
        for name, policy in [*within, *resources("AWS::IAM::Policy")]
        for statement in policy["PolicyDocument"]["Statement"]
    ]


def listed(actions: str | list[str]) -> list[str]:
    return [actions] if isinstance(actions, str) else actions


def test_a_role_may_do_what_is_named_to_what_is_named():
    wide = [(name, action) for name, one in statements() if one["Resource"] == "*" for action in listed(one["Action"])]

    assert not [action for _, one in statements() for action in listed(one["Action"]) if "*" in action]
    assert {name for name, _ in wide} == {"Role", "StartOnHost"}
    assert [action for name, action in wide if name == "StartOnHost"] == ["ssm:ListCommands"]
    others = [action for _, action in wide if action.split(":")[0] not in ("ssm", "ssmmessages")]
    assert others == ["elasticmapreduce:RunJobFlow", "elasticmapreduce:ListClusters"]


def test_the_host_cannot_destroy_what_the_lake_held():
    may = {action for name, one in statements() if name == "Role" for action in listed(one["Action"])}

    assert "s3:DeleteObject" in may
    assert not {action for action in may if "Version" in action or action == "s3:DeleteBucket"}


def test_the_spectrum_role_reads_what_is_staged_and_nothing_else():
    read = [one for name, one in statements() if name == "SpectrumRole" and one["Action"] == "s3:GetObject"]

    assert [one["Resource"] for one in read] == [{"Fn::Sub": "${BucketArn}/lake/stage/*"}]


def test_the_spectrum_role_may_do_what_the_remedies_advise():
    may = {action for name, one in statements() if name == "SpectrumRole" for action in listed(one["Action"])}

    assert any(remedy.startswith("DROP TABLE") for remedy in REMEDIES)
    assert "glue:DeleteTable" in may


def test_every_way_out_of_the_network_is_for_this_account_only():
    endpoints = dict(resources("AWS::EC2::VPCEndpoint"))
    ours = {"aws:PrincipalAccount": {"Ref": "AWS::AccountId"}}

    assert len(endpoints) == 10
    for name, endpoint in endpoints.items():
        allowed = [one for one in endpoint["PolicyDocument"]["Statement"] if one.get("Sid") not in AMAZONS]
        assert allowed and all(one["Condition"]["StringEquals"].items() >= ours.items() for one in allowed), name


def test_of_amazons_own_buckets_only_packages_are_read_and_only_logs_written():
    endpoint = dict(resources("AWS::EC2::VPCEndpoint"))["S3"]
    found = {one["Sid"]: one["Action"] for one in endpoint["PolicyDocument"]["Statement"]}

    assert {sid: found[sid] for sid in AMAZONS} == AMAZONS


def test_what_not_everybody_uses_is_made_only_where_it_is_asked_for():
    asked_for = template("endpoints.yaml")["Conditions"]["IsServerless"]["Fn::Equals"]
    parameters = template("lakeshift.yaml")["Parameters"]
    conditional = {
        name: one["Condition"]
        for file in NAMES
        for name, one in template(file)["Resources"].items()
        if "Condition" in one
    }

    assert asked_for == [{"Ref": "Serverless"}, "true"]
    assert conditional == {
        "EmrServerless": "IsServerless", "Trigger": "HasTrigger", "Subscription": "HasEmail",
        "RunDocument": "OnHost", "StartOnHost": "OnHost", "StartOnEcs": "OnEcs",
    }  # fmt: skip
    defaults = {name: parameters[name]["Default"] for name in ("Serverless", "StocksOn", "Email")}
    assert defaults == {"Serverless": "false", "StocksOn": "none", "Email": ""}


def test_the_database_is_of_the_minor_version_that_rds_gives_it():
    [(_, database)] = resources("AWS::RDS::DBInstance")

    assert database["AutoMinorVersionUpgrade"] is True
    assert database["EngineVersion"].isdigit()


def test_what_holds_data_outlives_the_stack():
    kept = {
        name: declared.get("DeletionPolicy")
        for file in NAMES
        for name, declared in template(file)["Resources"].items()
        if declared["Type"].split("::")[1] in ("S3", "KMS", "RDS", "RedshiftServerless", "Glue")
        and declared["Type"].endswith(("Bucket", "Key", "Instance", "Namespace", "Database"))
    }

    assert kept == dict.fromkeys(("Key", "Bucket", "AccessLog", "Markers", "Namespace", "Catalogue"), "Retain") | {
        "Database": "Snapshot"
    }
