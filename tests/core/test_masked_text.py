"""Of what others say, such as the log of a job, only the passwords are masked."""

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
        ("no jdbc:redshift://h/db?password=secret&ssl=true", "no jdbc:redshift://h/db?password=***&ssl=true"),
    ],
)
def test_a_password_in_a_text_is_masked(text, shown):
    assert masked_text(text) == shown


@pytest.mark.parametrize("text", [JAVA, PROSE])
def test_what_is_no_password_is_shown(text):
    assert masked_text(text) == text
