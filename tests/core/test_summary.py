"""What a run says at its end."""

from __future__ import annotations

import luigi
import pytest
from luigi.worker import DONE, FAILED, PENDING

from pipeline.core.summary import Summary


class Both(luigi.WrapperTask):
    date = luigi.Parameter(default="2010-12-01")


class One(luigi.Task):
    date = luigi.Parameter(default="2010-12-01")


@pytest.fixture
def summary() -> Summary:
    """A run of a wrapper and the task in it, of which nothing is done yet."""
    made = Summary()
    made.note(Both(), PENDING, "")
    made.note(One(), PENDING, "")
    return made


def test_a_wrapper_is_not_counted_as_made(summary):
    summary.note(One(), DONE, '{"outcome": "wrote 1", "seconds": 0, "is_made": true}')
    summary.note(Both(), DONE, "")

    [made, last] = summary.lines()
    assert made == "  made     One 2010-12-01: wrote 1 (0.0 s)"
    assert last.startswith("Lakeshift: 1 made, 0 already there, 0 failed in")


def test_a_wrapper_that_failed_is_not_passed_over(summary):
    summary.note(One(), DONE, '{"outcome": "wrote 1", "seconds": 0, "is_made": true}')
    summary.note(Both(), FAILED, "it could not be asked")

    assert "  FAILED   Both 2010-12-01: it could not be asked" in summary.lines()


def test_what_another_run_made_counts_as_there(summary):
    summary.note(One(), DONE, '{"outcome": "another was faster", "seconds": 0, "is_made": false}')
    summary.note(Both(), DONE, "")

    [line] = summary.lines()
    assert line.startswith("Nothing to do: One 2010-12-01 is already there")


def test_what_the_run_cost_is_told_after_what_became_of_its_tasks(summary):
    summary.cost = ["EMR: 0.63 instance-hours on j-1 (3 m7g.xlarge), 0.13 USD"]
    summary.note(One(), DONE, "")

    assert [line.split()[0] for line in summary.lines()] == ["made", "EMR:", "Lakeshift:"]


def test_what_was_asked_of_s3_is_told_before_the_last_line(summary):
    summary.requests.update({"GetObject": 1200, "PutObject": 3})
    summary.note(One(), DONE, "")

    assert summary.lines()[-2] == "S3: 1,203 requests (1,200 GetObject, 3 PutObject)"
