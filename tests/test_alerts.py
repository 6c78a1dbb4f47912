"""One message a run that made something, or failed, wherever it was told to go."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest
from fixtures_mail import inbox  # noqa: F401
from processes import wait_until
from stock_drop import Drop

DAY = "2017-11-10"
LINE = "2017-11-09,1,1,1,1,1,0"


@pytest.fixture
def mail(inbox, ministack, project):  # noqa: F811
    project.set("alerts", sns_topic_arn=inbox.topic, project="2304_Stock_Prices")
    project.environment["AWS_ENDPOINT_URL_SNS"] = ministack
    return inbox


@pytest.fixture
def drop(project) -> Drop:
    project.set("stocks", source="stocks")
    project.given_tables()
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
    assert body.startswith("HistoricalStocks 2017-11-10: success after ")
    assert "\nDate: 2017-11-10\nRows of HistoricalStockData: read 1, wrote 1, refused 0\nLog: " in body
    assert "made     HistoricalStockData 2017-11-10: read 1, wrote 1, refused 0" in body
    assert "Lakeshift: 3 made, 0 already there, 0 failed in" in body


def test_a_run_that_failed_is_told_with_its_cause_and_the_line_to_type(project, drop, mail):
    project.run(*command())

    [(subject, body)] = mail.read()
    assert subject == "2304_Stock_Prices_Pipeline_Failure"
    assert "top_companies.txt is not there. Put it there, or look at [stocks] source" in body
    assert "The whole log: " in body
    assert "Run it again: luigi --module pipeline.stocks HistoricalStocks --date 2017-11-10 --local-scheduler\n" in body


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
    assert about.startswith("HistoricalStocks 2017-11-10: killed\n")
    assert list(notes.glob("*.json")) == []
