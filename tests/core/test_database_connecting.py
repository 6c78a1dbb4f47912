"""PostgreSQL elsewhere is talked to over TLS that knows the host, by whom the URL or a secret names."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace

import boto3
import pytest
import trustme
from fixtures_redshift import PASSWORD, USER, Redshift
from fixtures_s3 import REGION

from pipeline.core import config, secrets
from pipeline.core.addresses import RedshiftAddress
from pipeline.core.database import Database
from pipeline.core.database.connecting import Connector
from pipeline.core.errors import SettingError, SourceUnavailable
from pipeline.core.warehouse.redshift.login import connect_arguments

# Nobody asks a name server for a host whose address is given.
ELSEWHERE = "postgresql://me:{password}@db.example/dev?hostaddr=127.0.0.1&port={port}"


@pytest.fixture
def server(redshift_process, tmp_path):
    """What speaks PostgreSQL's protocol over TLS as db.example; the file of its authority is authority.pem."""
    authority = trustme.CA()
    certificate = authority.issue_cert("db.example")
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "certificate.pem")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    return Redshift(redshift_process, certificate=str(tmp_path / "certificate.pem"), key=str(tmp_path / "key.pem"))


def mode(url):
    return Connector(url).arguments().get("sslmode")


def test_a_server_elsewhere_is_verified_unless_the_url_says_otherwise():
    assert mode("postgresql://db.example/shop") == "verify-full"
    assert mode("postgresql://db.example/shop?sslmode=require") == "require"
    assert mode("postgresql://127.0.0.1,db.example/shop") == "verify-full"
    assert mode("postgresql://localhost/shop") is None
    assert mode("postgresql:///shop?host=/run/postgresql") is None
    assert mode("postgresql:///shop") is None


def test_a_server_whose_address_is_elsewhere_is_verified_whatever_its_name():
    assert mode("postgresql://localhost/shop?hostaddr=203.0.113.7") == "verify-full"
    assert mode("postgresql://localhost/shop?hostaddr=127.0.0.1") is None
    assert mode("postgresql:///shop?service=elsewhere") == "verify-full"


@pytest.mark.parametrize(
    ("variable", "value"), [("PGHOST", "db.example"), ("PGHOSTADDR", "203.0.113.7"), ("PGSERVICE", "elsewhere")]
)
def test_a_server_elsewhere_that_the_environment_names_is_verified(monkeypatch, variable, value):
    monkeypatch.setenv(variable, value)

    assert mode("postgresql:///shop") == "verify-full"
    assert str(Connector("postgresql:///shop")) == f"PostgreSQL at {value}:5432/shop"


def test_a_server_that_no_trusted_authority_knows_gets_no_password(server, tmp_path, monkeypatch):
    trustme.CA().cert_pem.write_to_path(tmp_path / "other.pem")
    url = ELSEWHERE.format(password="trapdoor", port=server.port)

    with pytest.raises(SettingError, match=r"db\.example:\d+/dev: no secure connection, .*sslrootcert") as refused:
        Database(f"{url}&sslrootcert={tmp_path / 'other.pem'}").query("SELECT 1")

    assert "certificate verify failed" in str(refused.value)
    assert "trapdoor" not in str(refused.value)


def test_a_server_that_a_trusted_authority_knows_is_talked_to(server, tmp_path):
    url = ELSEWHERE.format(password="trapdoor", port=server.port)

    with pytest.raises(SourceUnavailable, match="password authentication failed"):
        Database(f"{url}&sslrootcert={tmp_path / 'authority.pem'}").query("SELECT 1")


def database_arguments(place, secret):
    return Connector(f"postgresql://{place}", secret).arguments()


def warehouse_arguments(place, secret):
    return connect_arguments(
        RedshiftAddress.of_url(f"redshift://{place}"), replace(config.warehouse(), secret_id=secret)
    )


@pytest.fixture
def vault(ministack, monkeypatch, settings):
    """Secrets Manager, which knows nothing of what a process has read before."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", ministack)
    settings("lake", "region", REGION)
    secrets.forget()
    yield boto3.client("secretsmanager", region_name=REGION)
    secrets.forget()


def test_a_password_that_was_changed_in_its_secret_is_used_at_once(server, vault):
    old, new = (json.dumps({"username": USER, "password": password}) for password in ("old", PASSWORD))
    secret = vault.create_secret(Name=f"database-{server.port}", SecretString=old)["ARN"]
    secrets.login(secret)
    vault.put_secret_value(SecretId=secret, SecretString=new)

    connector = Connector(f"postgresql://127.0.0.1:{server.port}/dev?sslmode=disable", secret)

    connector.connect().close()

    assert secrets.login(secret).password == PASSWORD


def test_a_password_in_the_url_comes_before_a_secret():
    arguments = Connector("postgresql://me:mine@127.0.0.1/shop", "no-such-secret").arguments()

    assert (arguments["user"], arguments["password"]) == ("me", "mine")


@pytest.mark.parametrize(
    ("kind", "section"),
    [(database_arguments, "database"), (warehouse_arguments, "warehouse")],
    ids=["PostgreSQL", "Redshift"],
)
def test_a_user_in_the_url_whose_password_the_secret_does_not_have_is_refused(vault, kind, section):
    secret = vault.create_secret(
        Name=f"admin-{section}-{uuid.uuid4().hex[:8]}", SecretString='{"username": "admin", "password": "trapdoor"}'
    )["ARN"]

    assert kind("admin@db.example/dev", secret)["user"] == kind("db.example/dev", secret)["user"] == "admin"
    with pytest.raises(
        SettingError, match=rf"^\[{section}\] url names the user etl, .* password of admin\."
    ) as refused:
        kind("etl@db.example/dev", secret)
    assert "trapdoor" not in str(refused.value)
