"""What a submission takes of the clusters it may go to, it gives back whatever becomes of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from emr_work import KEY, Bench
from fixtures_s3 import REGION

from emr.api import Emr
from emr.clusters.fixed import FixedCluster
from emr.errors import ClusterUnfit, StepFailed
from emr.runner import run
from emr.submission import submit


class Counted(FixedCluster):
    """A cluster that remembers who has something of it."""

    def __init__(self, cluster_id: str) -> None:
        super().__init__(cluster_id)
        self.__dict__["told"] = []

    def take(self, name: str) -> str:
        self.told.append(("take", name))
        return super().take(name)

    def keep(self, name: str, cluster_id: str) -> None:
        self.told.append(("keep", name))

    def give_back(self, name: str, cluster_id: str) -> None:
        self.told.append(("give back", name))


@pytest.fixture
def bench(emr, tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_EMR", emr.endpoint_url)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    return Bench(emr, tmp_path)


def counted(bench):
    clusters = Counted(bench.twin.cluster_id)
    return clusters, replace(bench.work(), clusters=clusters)


def test_what_was_taken_is_kept_while_the_steps_run_and_then_given_back(bench):
    clusters, work = counted(bench)
    bench.middle = ("sleep", "2")

    entry = run(Emr.connect(), bench.ledger, work, bench.heard)

    told = list(dict.fromkeys(clusters.told))
    assert told == [("take", entry.name), ("keep", entry.name), ("give back", entry.name)]


def test_a_step_that_fails_gives_back_what_was_taken(bench):
    clusters, work = counted(bench)
    bench.middle = ("false",)

    with pytest.raises(StepFailed):
        run(Emr.connect(), bench.ledger, work, bench.heard)

    assert clusters.told[-1] == ("give back", bench.entry.name)


def test_a_cluster_that_takes_no_steps_is_given_back(bench, emr):
    clusters, work = counted(bench)
    emr.terminate()

    with pytest.raises(ClusterUnfit):
        run(Emr.connect(), bench.ledger, work, bench.heard)

    assert [what for what, _ in clusters.told] == ["take", "give back"]


def test_who_is_slower_than_another_gives_back_what_it_took(bench):
    first, second = counted(bench), counted(bench)
    submit(Emr.connect(), bench.ledger, first[1], None)

    assert submit(Emr.connect(), bench.ledger, second[1], None) is None

    assert [what for what, _ in second[0].told] == ["take", "give back"]
    assert bench.ledger.read(KEY).entry == bench.entry


def test_what_the_generation_before_took_is_given_back_by_the_next(bench):
    _, work = counted(bench)
    lost = submit(Emr.connect(), bench.ledger, work, None)
    clusters, work = counted(bench)

    submit(Emr.connect(), bench.ledger, work, lost)

    assert ("give back", lost.entry.name) in clusters.told
