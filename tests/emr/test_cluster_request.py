"""What EMR is asked for when a cluster is made."""

from __future__ import annotations

import boto3
import pytest
from botocore.validate import ParamValidator
from emr_clusters import PLACES

from emr.clusters.request import Template, packaged

ALL = PLACES | {
    "log_uri": "s3://bucket/logs/",
    "security_configuration": "safe",
    "subnet_ids": ["subnet-1", "subnet-2"],
}


def template(**places):
    return Template.of(packaged(), ALL | places, "0123456789ab")


def named(**places):
    return template(**places).named("lakeshift 0123456789ab run1 g1", {"lakeshift:run": "run1"})


@pytest.mark.parametrize("places", [{}, {"subnet_ids": [], "security_configuration": "", "log_uri": ""}])
def test_the_packaged_cluster_is_a_request_that_boto3_sends(places):
    shape = boto3.client("emr", region_name="eu-west-1").meta.service_model.operation_model("RunJobFlow").input_shape

    report = ParamValidator().validate(named(**places), shape)

    assert not report.has_errors(), report.generate_report()


def test_it_has_no_member_that_boto3_does_not_know():
    shape = boto3.client("emr", region_name="eu-west-1").meta.service_model.operation_model("RunJobFlow").input_shape

    assert set(named()) <= set(shape.members)
    assert set(named()["Instances"]) <= set(shape.members["Instances"].members)


def test_places_are_filled_with_values_of_their_own_kind():
    request = named(idle_seconds=900)

    assert request["AutoTerminationPolicy"] == {"IdleTimeout": 900}
    assert request["Instances"]["Ec2SubnetIds"] == ["subnet-1", "subnet-2"]
    assert request["SecurityConfiguration"] == "safe"


def test_what_no_setting_says_is_left_to_emr():
    request = named(subnet_ids=[], security_configuration="", log_uri="")

    assert not {"SecurityConfiguration", "LogUri"} & set(request)
    assert "Ec2SubnetIds" not in request["Instances"]


def test_it_carries_the_tags_of_the_file_and_those_by_which_it_is_found():
    tags = {one["Key"]: one["Value"] for one in named()["Tags"]}

    assert tags == {
        "for-use-with-amazon-emr-managed-policies": "true",
        "lakeshift:root": "0123456789ab",
        "lakeshift:run": "run1",
    }


def test_it_stays_until_it_is_ended_whatever_the_file_says():
    text = '{"Name": "mine", "Instances": {"KeepJobFlowAliveWhenNoSteps": false}}'

    request = Template.of(text, ALL, "0123456789ab").named("lakeshift x", {})

    assert (request["Name"], request["Instances"]) == ("lakeshift x", {"KeepJobFlowAliveWhenNoSteps": True})


@pytest.mark.parametrize(("text", "seconds"), [("{}", 600), ('{"AutoTerminationPolicy": {"IdleTimeout": 3600}}', 3600)])
def test_it_ends_when_it_is_idle_whatever_the_file_leaves_out(text, seconds):
    request = Template.of(text, ALL, "0123456789ab").named("lakeshift x", {})

    assert request["AutoTerminationPolicy"] == {"IdleTimeout": seconds}


def test_clusters_are_of_one_kind_when_they_are_made_of_the_same():
    assert template().kind == template().kind
    assert template().kind != template(idle_seconds=900).kind


def test_a_place_that_is_none_is_named():
    with pytest.raises(ValueError, match=r"the place {relaese}; there are: .*{release}"):
        Template.of('{"ReleaseLabel": "{relaese}"}', ALL, "0123456789ab")
