"""What luigid's visualiser shows of a run, in a real browser."""

from __future__ import annotations

import json
import os
import urllib.request
from collections.abc import Iterator

import pytest
from install_browser import find_browser
from playwright.sync_api import Error, Page, sync_playwright
from project import DAY, luigi_command
from sample import given_a_day

# Without these Chromium looks for its maker's servers at every start.
QUIET = ["--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"]


@pytest.fixture
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(
                executable_path=find_browser(), args=QUIET, chromium_sandbox=os.geteuid() != 0
            )
        except Error as error:
            pytest.skip(f"no browser, so the visualiser is not looked at: {str(error).splitlines()[0]}")
        yield browser.new_page(viewport={"width": 1400, "height": 760})
        browser.close()


@pytest.fixture
def run(project, luigid) -> str:
    """Run a day against luigid, and return its address."""
    given_a_day(project)
    port = luigid.rpartition(":")[2]
    done = project.run(*luigi_command("UserBehaviourMetric", "--date", DAY, scheduler=("--scheduler-port", port)))
    assert done.code == 0, done.output
    return luigid


def known_tasks(luigid: str) -> dict[str, dict]:
    """Return what the scheduler knows of each task, by its class."""
    with urllib.request.urlopen(f"{luigid}/api/task_list") as reply:
        return {task["name"]: task for task in json.load(reply)["response"].values()}


def test_each_task_shows_its_rows_its_progress_and_where_to_watch_it(run, page, tmp_path):
    page.goto(f"{run}/static/visualiser/index.html")
    page.wait_for_selector("text=UserBehaviourMetric")

    page.locator("#taskTable button.statusMessage[data-task-id^=ClassifiedMovieReview_]").click()
    page.wait_for_selector("text=read 5, wrote 5, refused 0")

    page.screenshot(path=os.environ.get("LAKESHIFT_SCREENSHOT", tmp_path / "visualiser.png"))
    classified = known_tasks(run)["ClassifiedMovieReview"]
    assert classified["progress_percentage"] == 100
    assert classified["tracking_url"].startswith("http://127.0.0.1:")
    assert "checks hold" in known_tasks(run)["UserBehaviourMetric"]["status_message"]
