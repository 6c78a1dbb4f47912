"""Steps are watched until they end; meanwhile whoever waits is awake often."""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import pairwise

import pytest
from emr_work import Bench
from fixtures_s3 import REGION

from emr import poller
from emr.api import Emr
from emr.submission import submit
from emr.watching import watch


@pytest.fixture
def bench(emr, tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_EMR", emr.endpoint_url)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    return Bench(emr, tmp_path)


def test_whoever_waits_is_awake_every_second_however_rarely_it_looks(bench, emr, monkeypatch):
    monkeypatch.setattr(poller, "FIRST_SECONDS", 3)
    bench.middle = ("sleep", "1")
    work, client, moments = replace(bench.work(), poll_seconds=3), Emr.connect(), [time.monotonic()]

    sent = submit(client, bench.ledger, work, None)
    watch(client, work, sent.entry, bench.heard, lambda: moments.append(time.monotonic()))

    assert emr.calls("ListSteps") == 2
    assert max(later - earlier for earlier, later in pairwise(moments)) < 2


def test_a_step_tells_when_it_began_and_when_it_ended(bench):
    bench.middle = ("sleep", "1")
    entry = bench.run()

    [step] = Emr.connect().steps(entry.cluster_id, entry.step_ids[1:2])

    assert step.created_at and step.started_at and step.ended_at
    assert step.created_at <= step.started_at
    assert 1 <= (step.ended_at - step.started_at).total_seconds() < 5
