"""A day's run is claimed by one, and free again when that one is gone."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from datetime import date, datetime, timezone

import pytest
from fixtures_lake import FORK, in_processes
from fixtures_s3 import REGION, new_bucket, proxy  # noqa: F401 - a fixture
from s3_proxy import lost_reply

from emr.lease import named, this_process
from pipeline.core import killed_runs
from pipeline.core.claims import Claim, Claims
from pipeline.core.errors import CheckFailed
from pipeline.core.markers import claim_path
from pipeline.core.store.local import LocalStore
from pipeline.core.store.s3 import S3Store

DAY = date(2017, 11, 10)
PATH = claim_path("stocks", DAY)
WRITTEN = datetime(2017, 11, 10, 23, tzinfo=timezone.utc)
LIVING = named(os.getppid())
ELSEWHERE = "another-host/1f2e3d4c/40 17 1510351200.0"


@pytest.fixture
def claims(tmp_path) -> Claims:
    return Claims(LocalStore(str(tmp_path)), "stocks")


@pytest.fixture(scope="module")
def gone() -> str:
    """A process of this host that has ended."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    owner = named(process.pid)
    process.communicate()
    return owner


def take(claims: Claims):
    return claims.take(DAY, "2017-11-10.SUCCESS", WRITTEN)


def given_claim(claims: Claims, **said: str) -> Claim:
    claim = Claim(**{"day": str(DAY), "marker": "x.SUCCESS", "claimed_at": "2017-11-10T23:00:00+00:00", **said})
    assert claims.store.create(PATH, claim.to_json())
    return claim


def test_a_claim_says_who_has_which_day_and_what_asked_for_it(claims):
    held = take(claims)

    assert claims.read(DAY) == held
    assert (held.claim.day, held.claim.marker) == ("2017-11-10", "2017-11-10.SUCCESS")
    assert held.claim.claimed_by == this_process()


def test_of_many_processes_that_claim_a_day_one_has_it(claims):
    all_have_tried = FORK.Barrier(4)

    def try_to(number: int) -> bool:
        held = take(claims)
        # Who ends gives what it has to the others.
        all_have_tried.wait(30)
        return held is not None

    assert sum(in_processes(try_to, 4)) == 1


@pytest.mark.parametrize("owner", [LIVING, ELSEWHERE, "lakeshift-trigger"])
def test_the_claim_of_another_that_may_live_stays(claims, owner):
    claim = given_claim(claims, claimed_by=owner)

    assert take(claims) is None
    assert claims.read(DAY).claim == claim


def test_the_claim_of_a_process_that_is_gone_is_taken_over(claims, gone):
    given_claim(claims, claimed_by=gone)

    assert take(claims).claim.claimed_by == this_process()


@pytest.mark.parametrize(
    ("claimed_by", "is_taken"),
    [
        ("vm/00000000/effffffc/1d2c 17 1.0", True),
        ("vm/00000000/effffffc/ffff 17 1.0", False),
        ("vm/00000000/f0000001/1d2c 17 1.0", False),
        ("vm/1f2e3d4c/f0000001/1d2c 17 1.0", False),
        ("vm/00000000/effffffc 17 1.0", False),
        ("vm 17 1.0", False),
    ],
)
def test_of_hosts_of_one_name_only_this_one_started_again_is_taken_over(claims, monkeypatch, claimed_by, is_taken):
    monkeypatch.setattr(killed_runs, "this_process", lambda: "vm/1f2e3d4c/effffffc/1d2c 1 1.0")
    given_claim(claims, claimed_by=claimed_by)

    assert bool(take(claims)) is is_taken


def test_the_claims_of_containers_of_one_image_and_name_are_left_alone(claims, monkeypatch):
    monkeypatch.setattr(killed_runs, "this_process", lambda: "vm/1f2e3d4c/f0000001/1d2c 1 1.0")
    given_claim(claims, claimed_by="vm/00000000/f0000001/1d2c 17 1.0")

    assert take(claims) is None


def test_a_claim_that_one_could_not_give_back_is_taken_again_by_oneself(claims):
    take(claims)

    assert take(claims)


def test_a_run_that_outlives_who_began_it_keeps_the_claim_until_it_is_gone(claims, gone):
    claim = given_claim(claims, claimed_by=gone, run=LIVING)
    living = take(claims)
    claims.store.replace(PATH, replace(claim, run=gone).to_json(), claims.read(DAY).version)

    assert (living, take(claims).claim.run) == (None, "")


def test_the_claim_of_a_run_that_ended_well_stays_for_ever(claims, gone):
    given_claim(claims, claimed_by=gone, ended_at="2017-11-10T23:01:00+00:00")

    assert take(claims) is None


def test_a_claim_is_given_back_by_who_has_it_only(claims):
    mine = take(claims)
    claims.store.delete([PATH])
    others = given_claim(claims, claimed_by=ELSEWHERE)

    claims.give_back(mine)
    kept = claims.read(DAY).claim
    claims.give_back(replace(mine, claim=others))

    assert (kept, claims.read(DAY)) == (others, None)


def test_what_is_noted_in_a_claim_that_is_anothers_by_now_is_not_noted(claims):
    mine = take(claims)
    claims.store.delete([PATH])
    others = given_claim(claims, claimed_by=ELSEWHERE)

    assert claims.note(mine, run=this_process()) is None
    assert claims.read(DAY).claim == others


def test_what_another_kind_of_claimer_says_besides_is_passed_over(claims):
    claims.store.create(PATH, b'{"day": "2017-11-10", "marker": "m", "claimed_at": "t", "claimed_by": "f", "more": 1}')

    assert claims.read(DAY).claim == Claim("2017-11-10", "m", "t", "f")


@pytest.mark.parametrize("data", [b"", b"[]", b'{"day": "2017-11-10"}'])
def test_a_claim_that_cannot_be_understood_is_one_line(claims, data):
    claims.store.create(PATH, data)

    with pytest.raises(CheckFailed, match=r"2017-11-10\.json is no claim .* Look who wrote it, and remove it"):
        take(claims)


def test_a_claim_whose_reply_was_lost_is_had_all_the_same(ministack, proxy):  # noqa: F811
    bucket = new_bucket(ministack)
    claims = Claims(S3Store(bucket, proxy.endpoint, REGION), "stocks")
    proxy.spoil("PUT", f"/{PATH}", lost_reply)

    held = take(claims)

    assert held and claims.read(DAY) == held
