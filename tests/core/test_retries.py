"""What passes by itself is tried again, for a while; nothing else is."""

from __future__ import annotations

import pytest
from tenacity import wait_none

from pipeline.core import retries
from pipeline.core.errors import Retryable, SourceUnavailable
from pipeline.core.retries import retried


@pytest.fixture(autouse=True)
def no_waits(monkeypatch):
    monkeypatch.setattr(retries, "WAIT", wait_none())


class Work:
    """Fails with the errors that it is given, in turn, and then returns how often it was asked."""

    def __init__(self, *errors):
        self.errors = errors
        self.count = 0

    def __call__(self):
        self.count += 1
        if self.count <= len(self.errors):
            raise self.errors[self.count - 1]
        return self.count


def test_what_passes_by_itself_is_tried_again_and_told(caplog):
    work = Work(Retryable("1023"), Retryable("1023"))

    assert retried(work) == 3
    assert "Try 1 of 6 failed, the next in 0.0 s: 1023" in caplog.text


def test_the_last_error_is_raised_when_the_tries_are_over():
    work = Work(*[Retryable(f"try {number}") for number in range(1, 10)])

    with pytest.raises(Retryable, match="try 6"):
        retried(work)

    assert work.count == 6


@pytest.mark.parametrize("error", [SourceUnavailable("away"), ValueError("broken")])
def test_anything_else_is_raised_at_once(error):
    work = Work(error)

    with pytest.raises(type(error)):
        retried(work)

    assert work.count == 1
