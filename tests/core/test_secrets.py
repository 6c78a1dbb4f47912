"""A user and a password come from AWS Secrets Manager, and are in no text of ours."""

import json
import logging
import uuid

import boto3
import pytest
from fixtures_s3 import REGION, free_port

from pipeline.core import secrets
from pipeline.core.errors import SettingError, SourceUnavailable


@pytest.fixture
def vault(ministack, settings, monkeypatch):
    """Return what keeps a text in Secrets Manager, and returns its ARN."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", ministack)
    secrets.forget()
    client = boto3.client("secretsmanager", region_name=REGION)
    yield lambda text: client.create_secret(Name=f"redshift-{uuid.uuid4().hex[:8]}", SecretString=text)["ARN"]
    secrets.forget()
    client.close()


def test_a_login_is_that_of_the_secret(vault):
    arn = vault(json.dumps({"username": "etl", "password": "trapdoor", "host": "elsewhere"}))

    login = secrets.login(arn)

    assert (login.user, login.password) == ("etl", "trapdoor")
    assert "trapdoor" not in repr(login)


def test_a_secret_is_asked_for_once_and_again_when_it_was_forgotten(vault, monkeypatch):
    arn = vault(json.dumps({"username": "etl", "password": "trapdoor"}))
    secrets.login(arn)
    boto3.client("secretsmanager", region_name=REGION).put_secret_value(
        SecretId=arn, SecretString=json.dumps({"username": "etl", "password": "changed"})
    )

    before = secrets.login(arn).password
    secrets.forget()

    assert (before, secrets.login(arn).password) == ("trapdoor", "changed")


@pytest.mark.parametrize("text", ["trapdoor", '"trapdoor"', '{"username": "etl", "pass": "trapdoor"}'])
def test_a_secret_of_another_form_is_refused_and_not_shown(vault, text):
    arn = vault(text)

    with pytest.raises(SettingError) as refused:
        secrets.login(arn)

    assert str(refused.value).startswith(f"The secret {arn}")
    assert "trapdoor" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_a_secret_that_is_not_there_is_named(vault):
    with pytest.raises(
        SettingError,
        match=r"^The secret arn:aws:secretsmanager:eu-west-1:1:secret:no: .*can't find the specified secret\. Look",
    ):
        secrets.login("arn:aws:secretsmanager:eu-west-1:1:secret:no")


def test_secrets_manager_that_does_not_answer_is_tried_again_later(settings, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    settings("lake", "region", REGION)

    with pytest.raises(SourceUnavailable, match=r"^The secret redshift/etl: AWS cannot be reached"):
        secrets.login("redshift/etl")


def test_a_secret_is_in_no_log_at_the_most_verbose(vault, caplog):
    arn = vault(json.dumps({"username": "etl", "password": "trapdoor"}))

    with caplog.at_level(logging.DEBUG):
        secrets.login(arn)

    assert "GetSecretValue" in caplog.text
    assert "trapdoor" not in caplog.text
