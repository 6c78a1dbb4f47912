"""The summary of a run says what was asked of S3."""

# ruff: noqa: F811 - fixtures

import re
from datetime import datetime, timedelta, timezone

from fixtures_s3 import REGION, new_bucket, proxy  # noqa: F401 - fixtures

from pipeline.core.history import records

REVIEWS = ("RangeDaily", "--of", "MovieReview", "--start", "2010-12-01", "--stop", "2010-12-05")


def test_the_summary_adds_the_requests_of_all_processes(project, proxy, monkeypatch):
    monkeypatch.delenv("LAKESHIFT_RUN")
    project.given_feed(("13047", "good"))
    project.set("lake", root=f"{new_bucket(proxy.upstream)}/lake", endpoint_url=proxy.endpoint, region=REGION)

    made, again = (project.luigi(*REVIEWS, "--workers", "2") for _ in range(2))

    counts = [re.match(r"S3: ([\d,]+) requests \((\d+ \w+)", done.lines[-2]) for done in (made, again)]
    assert "4 made" in made.lines[-1], made.output
    # How a run ended is kept when that was said.
    asked = [request for request in proxy.requests if "/_history/" not in request.path]
    assert len(proxy.requests) == len(asked) + 1
    assert sum(int(count[1].replace(",", "")) for count in counts) == len(asked)
    assert counts[1][0] == "S3: 2 requests (2 ListObjectsV2"
    with project.in_force():
        [run] = records(datetime.now(timezone.utc) - timedelta(days=1))
    assert f"S3: {sum(run.requests.values()):,} requests" in made.output


def test_without_s3_the_summary_says_nothing_of_it(project, monkeypatch):
    monkeypatch.delenv("LAKESHIFT_RUN")
    project.given_feed(("13047", "good"))

    done = project.luigi("MovieReview", "--date", "2010-12-01")

    assert "1 made" in done.lines[-1], done.output
    assert "S3:" not in done.output
