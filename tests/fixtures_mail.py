"""An SNS topic on MiniStack, and what came of it.

from fixtures_mail import inbox  # noqa: F401
"""

from __future__ import annotations

import json

import boto3
import pytest
from fixtures_s3 import REGION


class Mail:
    """A topic, and a queue that has all that was sent to it."""

    def __init__(self, endpoint: str) -> None:
        sns, self.sqs = (boto3.client(name, endpoint_url=endpoint, region_name=REGION) for name in ("sns", "sqs"))
        self.topic = sns.create_topic(Name="alerts")["TopicArn"]
        self.queue = self.sqs.create_queue(QueueName="inbox")["QueueUrl"]
        about = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=["QueueArn"])
        sns.subscribe(TopicArn=self.topic, Protocol="sqs", Endpoint=about["Attributes"]["QueueArn"])

    def read(self) -> list[tuple[str, str]]:
        """Return the subject and the body of each message that has come since this was last asked."""
        came = []
        while found := self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages"):
            for message in found:
                told = json.loads(message["Body"])
                came.append((told["Subject"], told["Message"]))
                self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
        return came


@pytest.fixture
def inbox(ministack: str) -> Mail:
    """A topic to which nothing has been sent yet."""
    mail = Mail(ministack)
    mail.read()
    return mail
