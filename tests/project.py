"""A project folder of its own for a test: its settings, its stores, and the commands that its user types."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from fixtures_settings import settings_file

from pipeline.cli.migrate import migrate
from pipeline.cli.seed import seed
from pipeline.core.audit import audit
from pipeline.core.database import database
from pipeline.core.lake import Manifest, lake
from pipeline.core.warehouse import warehouse
from pipeline.finding import all_task_classes

ROOT = Path(__file__).parent.parent
HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"
DAY = "2010-12-01"


@dataclass
class Project:
    """Commands run in `folder`, whose luigi.cfg is the project's own with a few settings of the test's over it."""

    folder: Path
    database_url: str
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.settings = {
            "lake": {"root": "lake"},
            "database": {"url": self.database_url},
            "warehouse": {"url": "duckdb:warehouse.duckdb"},
            "log": {"file": "log/lakeshift.log"},
            "user_behaviour": {"review_feed": "movie_review.csv"},
        }

    def set(self, section: str, **values: str) -> None:
        self.settings.setdefault(section, {}).update(values)

    @property
    def feed(self) -> Path:
        return self.folder / "movie_review.csv"

    @property
    def log(self) -> str:
        return (self.folder / "log/lakeshift.log").read_text()

    def environ(self) -> dict[str, str]:
        return os.environ | {"LUIGI_CONFIG_PATH": str(self._written("test.cfg"))} | self.environment

    def _written(self, name: str) -> Path:
        path = self.folder / name
        sections = self.settings.items()
        path.write_text(
            "\n".join(
                f"[{name}]\n" + "\n".join(f"{key} = {value}" for key, value in values.items())
                for name, values in sections
            )
        )
        return path

    def start(self, *command: str, has_luigi_cfg: bool = True) -> subprocess.Popen[str]:
        """Start a command in the project's folder."""
        (self.folder / "luigi.cfg").write_text((ROOT / "luigi.cfg").read_text() if has_luigi_cfg else "")
        return subprocess.Popen(
            command, cwd=self.folder, env=self.environ(), text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )

    def run(self, *command: str) -> Done:
        """Run a command in the project's folder to its end."""
        process = self.start(*command)
        output, _ = process.communicate(timeout=280)
        return Done(process.returncode, output)

    def luigi(self, *arguments: str) -> Done:
        return self.run(*luigi_command(*arguments))

    def metric_of(self, day: str, *more: str) -> Done:
        return self.luigi("UserBehaviourMetric", "--date", day, *more)

    def lakeshift(self, *arguments: str) -> Done:
        return self.run(sys.executable, "-m", "pipeline.cli", *arguments)

    def given_feed(self, *reviews: tuple[str, str]) -> None:
        self.feed.write_text("cid,review_str\n" + "".join(f'{cid},"{text}"\n' for cid, text in reviews))

    # What is only given is not made by processes, each of which would take two seconds.
    def given_tables(self) -> None:
        """Create the tables of the warehouse and of PostgreSQL."""
        with self.in_force():
            migrate()

    def given_purchases(self, *rows: str) -> None:
        """Load lines of the Online Retail CSV, below its header."""
        path = self.folder / "purchases.csv"
        path.write_text("\n".join([HEADER, *rows]) + "\n")
        with self.in_force():
            seed(purchases=[path])

    def metric(self, day: str = DAY) -> list[tuple]:
        """Return the day's rows of the metric in their order."""
        sql = "SELECT * FROM public.user_behavior_metric WHERE insert_date = %(day)s ORDER BY customerid"
        return self.query(sql, day=day)

    def query(self, sql: str, **parameters: object) -> list[tuple]:
        with self.in_force():
            return warehouse().query(sql, parameters)

    def database_query(self, sql: str, **parameters: object) -> list[tuple]:
        with self.in_force():
            return database().query(sql, parameters)

    def disagreements(self) -> list[str]:
        """Return what a deep audit of all pipelines finds, which is nothing after a run that ended well."""
        with self.in_force():
            return [str(one) for one in audit(all_task_classes(), is_deep=True).findings]

    def manifests(self) -> list[Manifest]:
        """Return every manifest in the lake, in the order of the datasets."""
        with self.in_force():
            store = lake().store
            found = [store.read(one.path) for one in store.list("") if "/_manifest/" in one.path]
        return [Manifest.from_json(one.data) for one in found if one]

    def data_of(self, manifest: Manifest) -> dict[str, bytes]:
        """Return the content of the files that a manifest names, by their names."""
        with self.in_force():
            store, data = lake().store, {}
            folder = manifest.location.removeprefix(store.url("")).strip("/")
            for file in manifest.files:
                with store.open(f"{folder}/{file.name}", "rb") as stored:
                    data[file.name] = stored.read()
        return data

    @contextmanager
    def in_force(self) -> Iterator[None]:
        """Let the project's settings hold in this process."""
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.environment.items():
                patch.setenv(name, value)
            # Not the file that a process may just be reading.
            with settings_file(self._written("query.cfg")):
                yield


@dataclass(frozen=True)
class Done:
    """How a command ended, and what it printed."""

    code: int
    output: str

    @property
    def lines(self) -> list[str]:
        return self.output.splitlines()


def luigi_command(*arguments: str, scheduler: Iterable[str] = ("--local-scheduler",)) -> list[str]:
    luigi = Path(sys.executable).with_name("luigi")
    return [str(luigi), "--module", "pipeline.user_behaviour", *arguments, *scheduler]
