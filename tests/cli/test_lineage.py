"""`lakeshift lineage` tells OpenLineage what was made of what, as the commits have it."""

from __future__ import annotations

import json
import ssl

import pytest
import trustme
from fixtures_cli import DAY, REVIEWS, commit
from lineage_receiver import check, receiving

from pipeline.core.lake import Input, Lake
from pipeline.core.store import open_store

TASK = ("lineage", "ClassifiedMovieReview", "--date", "2010-12-01")
TOKEN = "t0p-s3cret"


@pytest.fixture
def receiver(monkeypatch):
    # Nothing of the developer's own is in the way.
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "OPENLINEAGE_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    with receiving() as server:
        yield server


@pytest.fixture
def committed(lakeshift, tmp_path):
    """A day of reviews, raw and classified."""
    lake = Lake(open_store(str(tmp_path / "lake")))
    raw, classified = REVIEWS
    commit(lake, raw, Input(str(tmp_path / "vendor/movie_review.csv"), fingerprint={"sha256": "0123"}))
    commit(lake, classified, Input(raw.path, str(DAY), lake.manifest(raw, DAY).attempt))
    return lakeshift


def events(out: str) -> list[dict]:
    return [json.loads(line) for line in out.splitlines()]


def test_each_partition_is_a_run_that_began_and_completed(committed, tmp_path):
    done = committed(*TASK, "--json")

    found = events(done.out)
    for event in found:
        check(event)
    _, raw, _, classified = found
    assert [event["eventType"] for event in found] == ["START", "COMPLETE"] * 2
    assert (classified["job"]["namespace"], classified["job"]["name"]) == (
        "lakeshift",
        "user_behaviour.ClassifiedMovieReview",
    )
    assert [(one["namespace"], one["name"]) for one in (*raw["inputs"], *raw["outputs"])] == [
        ("file", f"{tmp_path}/vendor/movie_review.csv"),
        ("file", f"{tmp_path}/lake/raw/movie_review"),
    ]
    # A graph: what one wrote, by name and version, is what the other read.
    assert (classified["inputs"][0]["name"], classified["inputs"][0]["facets"]["version"]) == (
        raw["outputs"][0]["name"],
        raw["outputs"][0]["facets"]["version"],
    )


def test_an_event_says_which_partition_of_which_day_was_written(committed):
    *_, event = events(committed(*TASK, "--json").out)

    [output] = event["outputs"]
    [partition] = output["outputFacets"]["subset"]["outputCondition"]["partitions"]
    statistics, nominal = output["outputFacets"]["outputStatistics"], event["run"]["facets"]["nominalTime"]
    assert partition == {"dimensions": {"insert_date": "2010-12-01"}, "identifier": "insert_date=2010-12-01"}
    assert (statistics["rowCount"], statistics["size"], statistics["fileCount"]) == (0, 4, 1)
    assert output["facets"]["schema"]["fields"][0]["name"] == "cid"
    assert (nominal["nominalStartTime"], nominal["nominalEndTime"]) == (
        "2010-12-01T00:00:00+00:00",
        "2010-12-02T00:00:00+00:00",
    )


def test_what_is_sent_twice_is_the_same(committed):
    assert committed(*TASK, "--json").out == committed(*TASK, "--json").out


def test_for_people_a_line_says_what_was_made_of_what(committed, tmp_path):
    lines = committed(*TASK).out.splitlines()

    assert lines[1] == (
        f"user_behaviour.ClassifiedMovieReview insert_date=2010-12-01: 0 rows of file {tmp_path}/lake/raw/movie_review"
    )


def test_days_of_a_range_that_are_not_committed_are_not_told_of(committed):
    assert len(committed("lineage", "ClassifiedMovieReview", "--range", "2010-12").out.splitlines()) == 2


def test_events_are_added_to_a_file(committed, tmp_path):
    done = committed(*TASK, "--to", str(tmp_path / "events.jsonl"))
    committed(*TASK, "--to", str(tmp_path / "events.jsonl"))

    assert done.out == f"Sent to {tmp_path}/events.jsonl: the events of 2 partitions\n"
    found = events((tmp_path / "events.jsonl").read_text())
    assert len(found) == 8 and len({event["run"]["runId"] for event in found}) == 2


def test_events_are_sent_to_a_receiver(committed, receiver, monkeypatch):
    monkeypatch.setenv("OPENLINEAGE_API_KEY", TOKEN)

    done = committed(*TASK, "--to", receiver.url, "--json")

    assert (done.code, json.loads(done.out)) == (0, {"to": receiver.url, "sent": 2})
    assert receiver.paths == ["/api/v1/lineage"] * 4
    assert receiver.tokens == [f"Bearer {TOKEN}"] * 4
    for event in receiver.events:
        check(event)


def test_a_path_of_the_url_is_taken_as_it_is(committed, receiver):
    committed(*TASK, "--to", f"{receiver.url}/lineage?team=shop")

    assert set(receiver.paths) == {"/lineage?team=shop"}
    assert receiver.tokens == [None] * 4


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((400, "runId is no UUID"), "answered 400 Bad Request: runId is no UUID."),
        ((401, ""), "answered 401 Unauthorized."),
        ((302, ""), "answered 302 Found."),
    ],
)
def test_a_receiver_that_takes_no_event_is_one_line_with_what_was_sent(committed, receiver, monkeypatch, answer, said):
    monkeypatch.setenv("OPENLINEAGE_API_KEY", TOKEN)
    receiver.answers = [(201, ""), (201, ""), answer]

    done = committed(*TASK, "--to", receiver.url)

    assert (done.code, done.err.count("\n"), len(receiver.paths)) == (1, 1, 3)
    assert f"{receiver.url} {said}" in done.err
    assert (
        "Sent before that: 1 partition; the next was that of ClassifiedMovieReview insert_date=2010-12-01." in done.err
    )
    assert TOKEN not in done.err + done.out


def test_a_receiver_that_is_busy_is_asked_again(committed, receiver):
    receiver.answers = [(503, "")]

    assert committed(*TASK, "--to", receiver.url).code == 0
    assert len(receiver.events) == 4


def test_a_receiver_that_is_away_is_one_line(committed):
    done = committed(*TASK, "--to", "http://user:hunter2@127.0.0.1:9")

    assert (done.code, done.err.count("\n")) == (1, 1)
    assert done.err.startswith("http://user:***@127.0.0.1:9 takes no events: ")
    assert "Sent before that: 0 partitions" in done.err


def test_a_receiver_that_no_trusted_authority_knows_gets_nothing(committed, tmp_path, monkeypatch):
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    with receiving(context) as server:
        url = f"https://localhost:{server.server_port}"
        refused = committed(*TASK, "--to", url)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "authority.pem"))
        trusted = committed(*TASK, "--to", url)

    assert (refused.code, trusted.code, len(server.events)) == (1, 0, 4)
    assert "certificate" in refused.err


@pytest.mark.parametrize(
    ("to", "said"),
    [
        ("http://lineage.invalid", "$OPENLINEAGE_API_KEY is set, and http://lineage.invalid is not encrypted."),
        ("ftp://lineage.invalid", "ftp://lineage.invalid is no place for events"),
        ("https:///x", "https:///x is no place for events: a host is missing."),
    ],
)
def test_a_place_that_may_not_get_events_is_refused(committed, monkeypatch, to, said):
    monkeypatch.setenv("OPENLINEAGE_API_KEY", TOKEN)

    done = committed(*TASK, "--to", to)

    assert (done.code, done.err.count("\n")) == (1, 1)
    assert done.err.startswith(said) and TOKEN not in done.err


def test_either_a_range_or_a_date_is_to_be_said(committed):
    done = committed("lineage", "ClassifiedMovieReview")

    assert (done.code, done.err) == (
        1,
        "Say one of --range, such as 2010-12-01-2011-01-01, --last, such as 7d, and --date.\n",
    )
