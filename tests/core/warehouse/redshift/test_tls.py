"""Redshift is talked to over TLS that knows the host, and lets in whom IAM or a secret names."""

from __future__ import annotations

import json
import logging

import boto3
import pytest
import trustme
from fixtures_redshift import PASSWORD, USER, Redshift
from fixtures_s3 import REGION

from pipeline.core import secrets
from pipeline.core.errors import SettingError
from pipeline.core.warehouse import make

# How the connector makes its context.
pytestmark = pytest.mark.filterwarnings("ignore:ssl:DeprecationWarning")
LOGIN = f"{USER}:{PASSWORD}@"


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def server(redshift_process, authority, tmp_path, settings):
    """A server whose certificate is for localhost, from an authority that nobody here trusts yet."""
    certificate = authority.issue_cert("localhost")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "certificate.pem")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    settings("lake", "region", REGION)
    return Redshift(redshift_process, certificate=str(tmp_path / "certificate.pem"), key=str(tmp_path / "key.pem"))


@pytest.fixture
def trusted(authority, tmp_path, monkeypatch):
    """Let the authority be one that this machine trusts."""
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))


def test_a_server_that_a_trusted_authority_knows_is_talked_to(server, trusted):
    assert make(f"redshift://{LOGIN}localhost:{server.port}/dev").query("SELECT 1") == [(1,)]


def test_a_server_that_no_trusted_authority_knows_gets_no_password(server):
    with pytest.raises(SettingError, match="no secure connection, so nothing was sent") as refused:
        make(f"redshift://{LOGIN}localhost:{server.port}/dev").query("SELECT 1")

    assert "certificate verify failed" in str(refused.value)


def test_the_certificate_of_another_host_is_refused(server, trusted):
    with pytest.raises(SettingError, match=r"certificate is not valid for '127\.0\.0\.1'"):
        make(f"redshift://{LOGIN}127.0.0.1:{server.port}/dev").query("SELECT 1")


def test_a_server_without_tls_is_refused(redshift, settings):
    with pytest.raises(SettingError, match=r"speaks no TLS\. On this machine only, add \?sslmode=disable"):
        make(redshift.url.partition("?")[0]).query("SELECT 1")


def test_iam_lets_into_a_workgroup(server, trusted, iam, settings):
    settings("warehouse", "workgroup", "etl")

    for _ in range(2):
        assert make(f"redshift://localhost:{server.port}/dev").query("SELECT 1") == [(1,)]

    # The second connection used what the first was given.
    assert iam.asked("GetCredentials") == [{"dbName": "dev", "workgroupName": "etl"}]


@pytest.mark.parametrize(
    ("user", "action", "asked"),
    [("", "GetClusterCredentialsWithIAM", {}), ("me@", "GetClusterCredentials", {"DbUser": "me"})],
)
def test_iam_lets_into_a_cluster(server, trusted, iam, settings, user, action, asked):
    settings("warehouse", "cluster", "shop")

    assert make(f"redshift://{user}localhost:{server.port}/dev").query("SELECT 1") == [(1,)]

    assert iam.asked(action)[-1].items() >= ({"ClusterIdentifier": "shop", "DbName": "dev"} | asked).items()


def test_what_iam_gives_is_in_no_log_at_the_most_verbose(server, trusted, iam, settings, caplog):
    settings("warehouse", "workgroup", "etl")

    with caplog.at_level(logging.DEBUG):
        make(f"redshift://localhost:{server.port}/dev").query("SELECT 1")

    assert "GetCredentials" in caplog.text
    assert PASSWORD not in caplog.text


def test_what_iam_refuses_is_a_matter_of_the_settings(server, iam, settings):
    settings("warehouse", "workgroup", "elt")

    with pytest.raises(SettingError, match=r"a login by IAM: .*ResourceNotFoundException.*no such workgroup"):
        make(f"redshift://localhost:{server.port}/dev").query("SELECT 1")


def test_a_password_that_was_changed_in_its_secret_is_used_at_once(server, trusted, ministack, settings, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", ministack)
    client = boto3.client("secretsmanager", region_name=REGION)
    old, new = (json.dumps({"username": USER, "password": password}) for password in ("old", PASSWORD))
    secret = client.create_secret(Name=f"redshift-{server.port}", SecretString=old)["ARN"]
    settings("warehouse", "secret_id", secret)
    secrets.login(secret)
    client.put_secret_value(SecretId=secret, SecretString=new)

    assert make(f"redshift://localhost:{server.port}/dev").query("SELECT 1") == [(1,)]
