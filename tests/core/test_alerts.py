"""What a message says at most, and what is said where it is not taken."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
import pytest
from botocore.httpsession import URLLib3Session

from pipeline.core import alerts
from pipeline.core.alerts import Alert, publish, tell
from pipeline.core.errors import PipelineError

TOPIC = "arn:aws:sns:eu-west-1:000000000000:alerts"
ENDED = Alert("failure", ("Load 2017-11-10: failure after 1.0 s",))
DENIED = "User: arn:aws:sts::000000000000:assumed-role/host/i-1 is not authorized to perform: SNS:Publish"


class Refusing:
    """An SNS that answers everything with one error, or with nothing before it is told to end."""

    def __init__(self) -> None:
        self.status, self.code, self.text = 403, "", ""
        self.asked = 0
        self.ended = threading.Event()
        refusing = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                refusing.asked += 1
                if not refusing.code:
                    refusing.ended.wait(30)
                    return
                error = f"<Code>{refusing.code}</Code><Message>{refusing.text}</Message>"
                body = f"<ErrorResponse><Error><Type>Sender</Type>{error}</Error></ErrorResponse>".encode()
                self.send_response(refusing.status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *about: object) -> None:
                """Keep the test's output to the test."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    def refuse(self, status: int, code: str, text: str) -> None:
        self.status, self.code, self.text = status, code, text


@pytest.fixture
def sns(settings, monkeypatch, aws_keys) -> Iterator[Refusing]:
    refusing = Refusing()
    thread = threading.Thread(target=refusing.server.serve_forever, args=(0.02,))
    thread.start()
    settings("alerts", "sns_topic_arn", TOPIC)
    monkeypatch.setenv("AWS_ENDPOINT_URL_SNS", f"http://127.0.0.1:{refusing.server.server_port}")
    yield refusing
    refusing.ended.set()
    refusing.server.shutdown()
    refusing.server.server_close()
    thread.join()


def ours(caplog) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.name == "pipeline.core.alerts"]


def test_what_the_role_may_not_do_is_one_line(sns):
    sns.refuse(403, "AuthorizationError", DENIED)

    with pytest.raises(PipelineError) as caught:
        publish(ENDED)

    said = str(caught.value)
    assert said.startswith(f"lakeshift_Pipeline_Failure could not be sent to {TOPIC}: An error occurred (Authorization")
    assert said.endswith(f"{DENIED}. Look at the setting, and at what the role of this process may do.")


def test_a_topic_that_throttles_is_asked_twice(sns):
    sns.refuse(400, "Throttling", "Rate exceeded")

    assert not tell(ENDED)

    assert sns.asked == 2


def test_a_topic_that_says_nothing_keeps_nobody_long(sns, monkeypatch, caplog):
    monkeypatch.setattr(alerts, "SECONDS", 0.5)
    began = time.monotonic()

    assert not tell(ENDED)

    assert time.monotonic() - began < 5
    assert ours(caplog)[-1].getMessage().endswith("no answer in 0.5 s. Is there a way to SNS from here?")


def test_a_message_that_was_sent_and_not_answered_is_sent_no_second_time(sns, monkeypatch, caplog):
    monkeypatch.setattr(alerts, "READ_SECONDS", 0.3)

    assert tell(ENDED)

    assert sns.asked == 1
    assert ours(caplog)[-1].getMessage().endswith(f" was sent to {TOPIC}, which does not say whether it was taken.")


def test_a_place_that_cannot_be_reached_is_tried_twice(sns, monkeypatch, caplog):
    tries: list[object] = []
    send = URLLib3Session.send
    monkeypatch.setattr(URLLib3Session, "send", lambda session, request: tries.append(1) or send(session, request))
    monkeypatch.setenv("AWS_ENDPOINT_URL_SNS", "http://127.0.0.1:9")

    assert not tell(ENDED)

    assert len(tries) == 2


def test_without_credentials_the_line_says_what_to_give(sns, monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))

    with pytest.raises(PipelineError, match=r"there are no AWS credentials\. Give this process a role, or AWS_PROFILE"):
        publish(ENDED)


def test_a_long_message_keeps_its_beginning_and_its_end():
    lines = tuple(f"{number} {'x' * 100}" for number in range(1000))

    body = Alert("success", lines).body()

    assert len(body) < alerts.BODY_CHARACTERS + 10
    assert (body.startswith("0 xxx"), "\nHost: " in body, "\n[...]\n" in body) == (True, True, True)


def test_passwords_are_no_part_of_a_message():
    alert = Alert("failure", ("postgresql://luigi:hunter2@db/shop: refused", "redshift: password=hunter2 user=bob"))

    assert "hunter2" not in alert.body()


def test_without_a_topic_a_message_is_in_the_log(settings, caplog):
    caplog.set_level("INFO", logger="pipeline.core.alerts")

    tell(ENDED)

    [record] = ours(caplog)
    assert record.getMessage() == "lakeshift_Pipeline_Failure"
    assert record.whole.startswith("Load 2017-11-10: failure after 1.0 s\nHost: ")
