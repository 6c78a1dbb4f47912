"""Settings of EMR that contradict each other, or say too little, are refused before anything runs."""

from __future__ import annotations

import pytest

from pipeline.core import config
from pipeline.core.errors import SettingError

ROLES = {"service_role": "EMR_DefaultRole", "instance_profile": "EMR_EC2_DefaultRole"}
APPLICATION = {"application_id": "00f1abcdexample0", "job_role": "arn:aws:iam::123456789012:role/job"}


@pytest.fixture
def check(settings):
    """Return what checks settings of [emr] for a runner, and a lake in S3 if no other is said."""

    def checked(runner, root="s3://bucket/lake", **emr):
        settings("jobs", "runner", runner)
        settings("lake", "root", root)
        for key, value in emr.items():
            settings("emr", key, value)
        config.check()

    return checked


@pytest.mark.parametrize(
    "emr",
    [
        {"cluster_id": "j-2AXXXXXXGAPLF"},
        ROLES,
        ROLES | {"pool": "nightly"},
        {"pool": "nightly", "pool_clusters": "0"},
        ROLES | {"node_security_group": "sg-1", "service_security_group": "sg-2"},
        # Where the subnet has a way to the internet.
        ROLES | {"node_security_group": "sg-1"},
        {"cluster_id": "j-2AXXXXXXGAPLF"} | APPLICATION,
    ],
)
def test_what_emr_can_do_with_is_let_through(check, emr):
    check("emr", **emr)


def test_what_emr_serverless_can_do_with_is_let_through(check):
    check("emr-serverless", **APPLICATION)


def test_what_another_runner_does_not_read_is_not_asked_for(check):
    check("local", "data/lake", cluster_id="j-2AXXXXXXGAPLF", pool="nightly")


@pytest.mark.parametrize(
    ("emr", "message"),
    [
        ({"cluster_id": "j-1", "pool": "nightly"}, r"\[emr\] has a cluster_id and a pool"),
        ({}, r"\[emr\] cluster_id; or, .* service_role and instance_profile"),
        ({"service_role": "EMR_DefaultRole"}, r"\[emr\] cluster_id; or, .* service_role and instance_profile"),
        ({"pool": "nightly"}, r"\[emr\] cluster_id; or, .* pool_clusters = 0"),
        (ROLES | {"service_security_group": "sg-2"}, r"\[emr\] service_security_group goes with a node_security"),
    ],
)
def test_what_emr_can_make_nothing_of_is_refused(check, emr, message):
    with pytest.raises(SettingError, match=message):
        check("emr", **emr)


@pytest.mark.parametrize(("runner", "emr"), [("emr", ROLES), ("emr-serverless", APPLICATION)])
def test_a_lake_that_emr_cannot_read_is_refused(check, runner, emr):
    with pytest.raises(SettingError, match=rf"runner = {runner} needs a lake that EMR can read, \[lake\] root = s3://"):
        check(runner, "data/lake", **emr)


@pytest.mark.parametrize("missing", APPLICATION)
def test_an_application_and_a_role_are_asked_for(check, missing):
    with pytest.raises(SettingError, match=r"\[emr\] application_id = 00\.\.\. and job_role = arn"):
        check("emr-serverless", **APPLICATION | {missing: ""})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "it is no JSON: .* line 1 column 2"),
        (b"[{}]", "it is no object of names and values"),
        (b'{"ReleaseLabel": "{relaese}"}', r"it has the place {relaese}; there are: {release}, {log_uri}, "),
        (b'{"Tags": [{"key": "x"}]}', r'its Tags are no list of {"Key": \.\.\., "Value": \.\.\.}'),
        (b'{"Instances": []}', "its Instances are no object of names and values"),
        (b'{"ServiceRole": "\xe9"}', "is no text in UTF-8"),
    ],
)
def test_a_file_that_is_no_request_for_a_cluster_is_named_with_what_is_wrong(check, tmp_path, content, message):
    file = tmp_path / "mine.json"
    file.write_bytes(content)

    with pytest.raises(SettingError, match=rf"^\[emr\] cluster_file = {file}:? {message}"):
        check("emr", **ROLES, cluster_file=str(file))


def test_roles_may_be_in_the_file(check, tmp_path):
    (tmp_path / "mine.json").write_text('{"ServiceRole": "a", "JobFlowRole": "b"}')

    check("emr", cluster_file=str(tmp_path / "mine.json"))
