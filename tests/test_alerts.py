"""One message a run that made something, or failed, wherever it was told to go."""



from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

import boto3
import pytest
from fixtures_s3 import REGION
from processes import wait_until
from stock_drop import Drop

DAY = "2017-11-10"
LINE = "2017-11-09,1,1,1,1,1,0"


class Mail:
    """An SNS topic, and what came of it."""

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
def mail(ministack, project) -> Mail:
    mail = Mail(ministack)
    mail.read()
    project.set("alerts", sns_topic_arn=mail.topic, project="2304_Stock_Prices")
    project.environment["AWS_ENDPOINT_URL_SNS"] = ministack
    return mail


@pytest.fixture
def drop(project) -> Drop:
    project.set("stocks", source="stocks")
    assert project.lakeshift("migrate").code == 0
    return Drop(project.folder / "stocks")


def command(day=DAY):
    luigi = str(Path(sys.executable).with_name("luigi"))
    return (luigi, "--module", "pipeline.stocks", "HistoricalStocks", "--date", day, "--local-scheduler")


def test_a_run_that_made_something_is_told_once(project, drop, mail):
    drop.put("a.us.csv", LINE)
    drop.list("a.us.csv")

    project.run(*command())
    project.run(*command())

    [(subject, body)] = mail.read()
    assert subject == "2304_Stock_Prices_Pipeline_Success"
    assert "made     HistoricalStockData 2017-11-10: read 1, wrote 1, refused 0" in body
    assert "Lakeshift: 3 made, 0 already there, 0 failed in" in body


def test_a_run_that_failed_is_told_with_its_cause_and_the_line_to_type(project, drop, mail):
    project.run(*command())

    [(subject, body)] = mail.read()
    assert subject == "2304_Stock_Prices_Pipeline_Failure"
    assert "top_companies.txt is not there. Put it there, or look at [stocks] source" in body
    assert "The whole log: " in body
    assert "Run it again: luigi --module pipeline.stocks HistoricalStocks --date 2017-11-10\n" in body


def test_a_run_that_was_killed_is_told_of_by_the_next(project, drop, mail):
    drop.put("a.us.csv", LINE)
    drop.list("a.us.csv")
    process = project.start(*command())
    notes = project.folder / "log/runs"
    wait_until(lambda: list(notes.glob("*.json")), 60)
    process.send_signal(signal.SIGKILL)
    process.communicate()

    project.run(*command())

    (killed, about), (subject, _) = mail.read()
    assert (killed, subject) == ("2304_Stock_Prices_Pipeline_Failure", "2304_Stock_Prices_Pipeline_Success")
    assert "was killed.\nRun it again: luigi --module pipeline.stocks HistoricalStocks --date 2017-11-10" in about
    assert list(notes.glob("*.json")) == []


def test_a_topic_that_does_not_answer_fails_no_run(project, drop, mail):
    project.environment["AWS_ENDPOINT_URL_SNS"] = "http://127.0.0.1:9"
    drop.put("a.us.csv", LINE)
    drop.list("a.us.csv")

    done = project.run(*command())

    assert done.code == 0
    assert "2304_Stock_Prices_Pipeline_Success could not be sent to arn:aws:sns:" in done.output


def test_who_wants_to_hear_of_failures_only_hears_of_no_success(project, drop, mail):
    project.set("alerts", on="failure")
    drop.put("a.us.csv", LINE)
    drop.list("a.us.csv")

    project.run(*command())

    assert mail.read() == []
