"""Tells somebody of something: a message to an SNS topic, and in the log. It never fails the run, nor keeps it long."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_fixed

from pipeline.core import config
from pipeline.core.aws import explained, is_throttled
from pipeline.core.errors import SourceUnavailable, one_line
from pipeline.core.settings import masked_text

log = logging.getLogger(__name__)
# SNS takes no longer subject, and nothing but ASCII in it.
SUBJECT_CHARACTERS = 100
# SNS takes 256 KiB, and an e-mail of thousands of lines is read by nobody.
BODY_CHARACTERS = 20_000
CONNECT_SECONDS, READ_SECONDS, TRIES = 2, 7, 2
# However long names are looked up, or credentials, or a service is tried again that throttles.
SECONDS = 10


class Unanswered(SourceUnavailable):
    """A message was sent, and may have arrived: another would be the second."""


@dataclass(frozen=True)
class Alert:
    """What is told: the end of a run, such as success, in lines."""

    kind: str
    lines: tuple[str, ...]

    def subject(self, project: str) -> str:
        return f"{project}_Pipeline_{self.kind.title()}"[:SUBJECT_CHARACTERS]

    def body(self) -> str:
        where = f"Host: {socket.gethostname()}, in {Path.cwd()}"
        text = masked_text("\n".join((*self.lines, where)))
        if len(text) <= BODY_CHARACTERS:
            return text
        # The beginning says what it is, the end how it ended.
        half = BODY_CHARACTERS // 2
        return f"{text[:half]}\n[...]\n{text[-half:]}"


def tell(alert: Alert) -> bool:
    """Have somebody told, and return whether that went well, as far as is known."""
    try:
        publish(alert)
    except Unanswered as error:
        log.warning("%s", one_line(error))
    except Exception as error:
        # Whatever it is, the work is done, or has failed for another reason.
        log.warning("Nobody was told: %s", one_line(error))
        return False
    return True


def publish(alert: Alert) -> str:
    """Send a message to the topic, if there is one, and return its subject. Raises PipelineError if it is not taken."""
    settings = config.alerts()
    subject, body = alert.subject(settings.project), alert.body()
    # In the log file alone: the console has the same from the run's summary.
    log.info("%s", subject, extra={"whole": body})
    if settings.sns_topic_arn:
        _send(settings.sns_topic_arn, subject, body)
    return subject


def _send(topic: str, subject: str, body: str) -> None:
    what = f"{subject} could not be sent to {topic}"
    errors: list[Exception] = []

    def send() -> None:
        try:
            _retrying(_client(topic).publish, TopicArn=topic, Subject=subject, Message=body)
        except ReadTimeoutError:
            errors.append(Unanswered(f"{subject} was sent to {topic}, which does not say whether it was taken."))
        except Exception as error:
            errors.append(explained(error, what, again="It is in the log."))

    # Nothing else ends the wait for a name server; and such a thread is left behind at the end.
    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    thread.join(SECONDS)
    if thread.is_alive():
        raise SourceUnavailable(f"{what}: no answer in {SECONDS} s. Is there a way to SNS from here?")
    for error in errors:
        raise error


def _retrying(publish: Callable[..., Any], **message: str) -> None:
    """Publish, once more where it is certain that nothing was taken: no token tells SNS a message from its copy."""

    def is_not_taken(error: BaseException) -> bool:
        throttled = isinstance(error, ClientError) and is_throttled(error)
        return throttled or isinstance(error, ConnectTimeoutError | EndpointConnectionError)

    tries = Retrying(
        retry=retry_if_exception(is_not_taken), stop=stop_after_attempt(TRIES), wait=wait_fixed(0.5), reraise=True
    )
    tries(publish, **message)


def _client(topic: str) -> Any:
    # It takes a third of a second to import.
    import boto3
    from botocore.config import Config

    retries = {"total_max_attempts": 1}
    waits = {"connect_timeout": CONNECT_SECONDS, "read_timeout": READ_SECONDS}
    return boto3.client("sns", region_name=topic.split(":")[3], config=Config(retries=retries, **waits))
