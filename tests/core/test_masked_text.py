"""Of what others say, such as the log of a job, only the passwords are masked."""

import time

import pytest

from pipeline.core.settings import masked_text

JAVA = "java.lang.IllegalStateException: RpcEnv already stopped: org.apache.spark.rpc.netty.NettyRpcEnv@3f2a11"
PROSE = "HTTPError: http://h:18080/x does not know ann@corp.com: denied"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("no postgresql://bob:hunter2@host/db, or two", "no postgresql://bob:***@host/db, or two"),
        ("no jdbc:redshift://al@x.com:p@ss/w@h:5439/db", "no jdbc:redshift://al@x.com:***@h:5439/db"),
        ("refused: host=h password=secret user=bob", "refused: host=h password=*** user=bob"),
        ("refused: PASSWORD = 'top secret', user=bob", "refused: PASSWORD = ***, user=bob"),
        ('{"Password": "top secret", "user": "bob"}', '{"Password": ***, "user": "bob"}'),
        ('{"sessionToken": "a\\"b c", "user": "bob"}', '{"sessionToken": ***, "user": "bob"}'),
        ('{"SecretAccessKey": "hunter2"}', '{"SecretAccessKey": ***}'),
        ("psql --password secret --user bob", "psql --password *** --user bob"),
        ("load --api-token 'a b' x", "load --api-token *** x"),
        ("load --api_token=abc x", "load --api_token=*** x"),
        ("password: secret", "password: ***"),
        ("pwd=secret;uid=bob", "pwd=***;uid=bob"),
        ("client_secret=abc&x=1", "client_secret=***&x=1"),
        ("aws_secret_access_key = abc/+d", "aws_secret_access_key = ***"),
        ("https://b/k?X-Amz-Signature=0a1b&X-Amz-Date=1", "https://b/k?X-Amz-Signature=***&X-Amz-Date=1"),
        ("https://b/k?X-Amz-Security-Token=0a1b&y=1", "https://b/k?X-Amz-Security-Token=***&y=1"),
        ("no jdbc:redshift://h/db?password=secret&ssl=true", "no jdbc:redshift://h/db?password=***&ssl=true"),
    ],
)
def test_a_password_in_a_text_is_masked(text, shown):
    assert masked_text(text) == shown


def test_a_long_text_is_looked_through_in_no_time():
    began = time.monotonic()

    masked_text("-" * 200_000 + "a" * 200_000)

    assert time.monotonic() - began < 2


@pytest.mark.parametrize("text", [JAVA, PROSE, "the secret lakeshift/db: denied", "unexpected token: ','"])
def test_what_is_no_password_is_shown(text):
    assert masked_text(text) == text
