"""A day of the user-behaviour pipeline on an S3 that fails now and then, its feed in S3 too."""

# ruff: noqa: F811 - fixtures

from __future__ import annotations

import itertools

import pytest
from fixtures_s3 import REGION, new_bucket, proxy  # noqa: F401 - fixtures
from project import DAY
from s3_proxy import cut_after, lost_reply, lost_request, s3_error
from sample import DAY_ROWS, given_a_day

from pipeline.core.store.s3 import S3Store

FAULTS = [lost_reply, s3_error(503, "SlowDown"), cut_after(1), lost_request]


@pytest.fixture
def far(project, proxy):
    """A project whose lake and feed are in a bucket behind the proxy."""
    bucket = new_bucket(proxy.upstream)
    project.set("lake", root=f"{bucket}/lake", endpoint_url=proxy.endpoint, region=REGION)
    project.set("user_behaviour", review_feed=f"{bucket}/inbox/movie_review.csv")
    given_a_day(project)
    with S3Store(f"{bucket}/inbox", proxy.upstream, REGION).open("movie_review.csv", "wb") as file:
        file.write(project.feed.read_bytes())
    return project


def every_fourth_in_turn(faults):
    """Spoil every fourth request, with one fault after the other."""
    answers = itertools.cycle([answer for fault in faults for answer in (*[lambda send: send()] * 3, fault)])
    return lambda send: next(answers)(send)


def test_a_day_is_made_once_on_an_s3_that_fails_at_every_fourth_request(far, proxy):
    proxy.spoil("", "", every_fourth_in_turn(FAULTS), times=10_000)

    done = far.metric_of(DAY)

    assert done.code == 0, done.output
    assert far.metric() == DAY_ROWS
    assert len(far.manifests()) == 3
    assert len(proxy.requests) > 4 * len(FAULTS)
    assert "Nothing to do" in far.metric_of(DAY).output
