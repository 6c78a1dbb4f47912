"""Who logs in to Redshift, and how, follows from its host name and the settings."""

import pytest

from pipeline.core import config
from pipeline.core.addresses import RedshiftAddress
from pipeline.core.errors import SettingError
from pipeline.core.warehouse.redshift.login import connect_arguments

WORKGROUP = "etl.123456789012.eu-west-1.redshift-serverless.amazonaws.com"
CLUSTER = "shop.abc123xyz789.eu-west-1.redshift.amazonaws.com"


@pytest.fixture
def arguments(settings):
    """Return what gives the arguments of a connection to a URL, with settings of [warehouse]."""

    def given(url, **values):
        for key, value in values.items():
            settings("warehouse", key, value)
        return connect_arguments(RedshiftAddress.of_url(url), config.warehouse())

    return given


def test_a_password_is_used_over_tls_that_verifies_the_host(arguments):
    found = arguments("redshift://me:trapdoor@redshift.example/dev")

    assert (found["user"], found["password"], found["database"]) == ("me", "trapdoor", "dev")
    assert found["sslmode"] == "verify-full"
    assert found["application_name"] == "lakeshift"


def test_without_a_password_the_name_of_a_workgroup_is_enough(arguments):
    found = arguments(f"redshift://{WORKGROUP}:5439/dev")

    assert (found["iam"], found["is_serverless"], found["serverless_work_group"]) == (True, True, "etl")
    assert "password" not in found


def test_the_name_of_a_cluster_is_enough_and_iam_says_who_the_user_is(arguments):
    found = arguments(f"redshift://{CLUSTER}:5439/dev")

    assert (found["iam"], found["cluster_identifier"], found["group_federation"]) == (True, "shop", True)


def test_a_user_without_a_password_is_that_of_a_cluster(arguments):
    found = arguments(f"redshift://etl@{CLUSTER}:5439/dev")

    assert (found["db_user"], "group_federation" in found) == ("etl", False)


def test_behind_a_name_of_ones_own_the_settings_say_what_there_is(arguments, settings):
    settings("lake", "region", "eu-west-1")

    workgroup = arguments("redshift://warehouse.example/dev", workgroup="etl")
    cluster = arguments("redshift://warehouse.example/dev", workgroup="", cluster="shop")

    assert (workgroup["serverless_work_group"], workgroup["region"]) == ("etl", "eu-west-1")
    assert (cluster["cluster_identifier"], cluster["region"]) == ("shop", "eu-west-1")


def test_nobody_to_log_in_as_is_a_matter_of_the_settings(arguments):
    with pytest.raises(SettingError, match=r"^\[warehouse\] url: warehouse.example is no name .* secret_id"):
        arguments("redshift://warehouse.example/dev")


def test_iam_is_not_used_without_tls(arguments):
    with pytest.raises(SettingError, match="without TLS"):
        arguments("redshift://127.0.0.1/dev?sslmode=disable", workgroup="etl")
