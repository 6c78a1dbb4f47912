"""A project of its own with a drop of stocks, and what its runs make and tell.

from fixtures_stocks import loaded, stocks  # noqa: F401
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from fixtures_mail import Mail
from processes import wait_until
from project import ROOT, Done, Project
from stock_drop import Drop, expected_rows

DAY, NEXT_DAY = "2017-11-10", "2017-11-11"
OLD = ["2017-11-08,10,12,9.5,11,100,0", "2017-11-09,11,11,11,11,50,0"]
NEW = [*OLD, "2017-11-10,11.5,12,11,11.25,75,0"]
COLUMNS = (
    "stock_date::text, open_value, high_value, low_value, close_value, volume_traded, daily_percent_change,"
    " value_change, company_name"
)


@dataclass
class Stocks:
    """What the user of the stocks pipeline does and sees."""

    project: Project
    drop: Drop
    inbox: Mail

    def command(self, day: str = DAY, program: tuple[str, ...] = ()) -> tuple[str, ...]:
        program = program or (str(Path(sys.executable).with_name("luigi")),)
        return (*program, "--module", "pipeline.stocks", "HistoricalStocks", "--date", day, "--local-scheduler")

    def run(self, day: str = DAY) -> Done:
        return self.project.run(*self.command(day))

    @contextmanager
    def held(self, moment: str, day: str = DAY) -> Iterator[Held]:
        """Yield a run that stands still at a moment; it goes on at the end, or when it is told to."""
        script = str(ROOT / "tests/held_run.py")
        folder = self.project.folder / "held"
        folder.mkdir()
        command = self.command(day, (sys.executable, script, moment, str(folder)))
        with self.project.start(*command) as process:
            try:
                wait_until(lambda: (folder / "there").exists() or process.poll() is not None, 60)
                assert process.poll() is None, process.communicate()[0]
                yield Held(process, folder)
            finally:
                process.kill()

    def table(self, columns: str = COLUMNS, order: str = "ORDER BY tableoid::regclass::text, ctid") -> list[tuple]:
        """Return the rows in the order in which they were copied."""
        return self.project.database_query(f"SELECT {columns} FROM public.historical_stocks_data {order}")

    def expected(self, *names: str) -> list[tuple]:
        return list(expected_rows(self.drop.folder / "Stocks" / name for name in names))

    def sessions(self, which: str) -> list[int]:
        """Return the processes of the server that are at something in its database."""
        at = "datname = current_database() AND pid <> pg_backend_pid()"
        return [
            pid for (pid,) in self.project.database_query(f"SELECT pid FROM pg_stat_activity WHERE {at} AND {which}")
        ]

    def told(self) -> list[str]:
        """Return how the runs ended of which somebody was told, since this was last asked."""
        return [subject.rpartition("_")[2] for subject, _ in self.inbox.read()]


@dataclass
class Held:
    """A run that stands still."""

    process: subprocess.Popen[str]
    folder: Path

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def go(self) -> Done:
        """Let the run go on to its end."""
        (self.folder / "go").touch()
        output, _ = self.process.communicate(timeout=120)
        return Done(self.process.returncode, output)


@pytest.fixture
def stocks(project: Project, ministack: str) -> Stocks:
    inbox = Mail(ministack)
    inbox.read()
    project.set("stocks", source="stocks")
    project.set("alerts", sns_topic_arn=inbox.topic)
    project.environment["AWS_ENDPOINT_URL_SNS"] = ministack
    project.given_tables()
    return Stocks(project, Drop(project.folder / "stocks"), inbox)


@pytest.fixture
def loaded(stocks: Stocks) -> Stocks:
    """Return stocks with an old day that is loaded, and lines for a new one."""
    stocks.drop.put("a.us.csv", *OLD)
    stocks.drop.list("a.us.csv")
    assert stocks.run(DAY).code == 0
    assert stocks.told() == ["Success"]
    stocks.drop.put("a.us.csv", *NEW)
    return stocks
