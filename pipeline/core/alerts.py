"""Tells somebody how a run ended: a message to an SNS topic, or a line in the log. It never fails the run."""

from __future__ import annotations

import logging
import socket
from dataclasses import dataclass
from typing import Any

from pipeline.core import config
from pipeline.core.errors import one_line

log = logging.getLogger(__name__)
SUCCESS, FAILURE = "success", "failure"
# SNS takes no longer subject, and nothing but ASCII in it.
SUBJECT_CHARACTERS = 100
# SNS takes 256 KiB, and an e-mail of thousands of lines is read by nobody.
BODY_CHARACTERS = 20_000
CONNECT_SECONDS, READ_SECONDS, TRIES = 3, 5, 2


@dataclass(frozen=True)
class Alert:
    """How a run ended: success or failure, in lines."""

    kind: str
    lines: tuple[str, ...]

    def subject(self, project: str) -> str:
        return f"{project}_Pipeline_{self.kind.title()}"[:SUBJECT_CHARACTERS]

    def body(self) -> str:
        text = "\n".join((*self.lines, f"Host: {socket.gethostname()}"))
        if len(text) <= BODY_CHARACTERS:
            return text
        # How it ended is said last.
        half = BODY_CHARACTERS // 2
        return f"{text[:half]}\n[...]\n{text[-half:]}"


def tell(alert: Alert) -> None:
    """Have somebody told, if the settings want to hear of it."""
    settings = config.alerts()
    if alert.kind not in settings.on:
        return
    subject, body = alert.subject(settings.project), alert.body()
    if not settings.sns_topic_arn:
        log.debug("%s\n%s", subject, body)
        return
    try:
        _client(settings.sns_topic_arn).publish(TopicArn=settings.sns_topic_arn, Subject=subject, Message=body)
    except Exception as error:
        # Whatever it is, the work is done, or has failed for another reason.
        log.warning("%s could not be sent to %s: %s", subject, settings.sns_topic_arn, one_line(error))


def _client(topic: str) -> Any:
    # It takes a third of a second to import.
    import boto3
    from botocore.config import Config

    waits = {"connect_timeout": CONNECT_SECONDS, "read_timeout": READ_SECONDS}
    config = Config(retries={"total_max_attempts": TRIES}, **waits)
    return boto3.client("sns", region_name=topic.split(":")[3], config=config)
