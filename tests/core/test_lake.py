"""A partition is committed once, and is complete from then on; in a local folder and on S3."""

# ruff: noqa: F811 - fixtures

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from fixtures_lake import (  # noqa: F401 - fixtures
    DATASET,
    DAY,
    NEXT_DAY,
    begin,
    commit,
    commit_or_lose,
    in_processes,
    is_complete,
    lake,
    make,
    store,
    write,
)

from pipeline.core.errors import CheckFailed, CommitLost, JobFailed, SourceUnavailable
from pipeline.core.lake import Counts, Dataset, File, Manifest, Partition, refuse_too_many


def test_a_partition_is_complete_when_it_is_committed_and_not_before(lake):
    attempt = begin(lake)
    files = write(attempt)
    before = is_complete(lake)

    commit(attempt, files)

    assert not before
    assert is_complete(lake)
    assert not is_complete(lake, NEXT_DAY)


def test_a_manifest_is_read_back_as_it_was_committed(lake):
    committed = make(lake)

    manifest = lake.manifest(DATASET, DAY)

    assert manifest == committed
    assert manifest.location == lake.store.url(f"stage/user_purchase/{manifest.attempt}/insert_date=2010-12-01")
    assert manifest.rows == Counts(1, 1, 0)
    assert (manifest.replaced, manifest.reruns) == ("", ())


def test_a_manifest_has_the_checksum_of_each_file(lake):
    manifest = make(lake)

    [listed] = lake.store.list(f"{DATASET}/{manifest.attempt}")
    [file] = manifest.files

    assert file.checksum == lake.store.checksum(listed)


def test_a_manifest_from_before_there_were_checksums_is_read(lake):
    data = json.loads(make(lake).to_json())
    for file in data["files"]:
        del file["checksum"]

    [file] = Manifest.from_json(json.dumps(data).encode()).files

    assert file == File("part-0000.csv", 5, 1)


def test_the_data_is_where_the_manifest_says(lake):
    manifest = make(lake)

    with lake.store.open(f"{DATASET}/{manifest.attempt}/{DAY}/{manifest.files[0].name}", "rb") as file:
        assert file.read() == b"rows\n"


def test_an_empty_partition_is_complete(lake):
    attempt = begin(lake)

    commit(attempt, [File(file.name, file.bytes, 0) for file in write(attempt, "header\n")])

    assert is_complete(lake)


def test_a_partition_that_was_never_made_is_named(lake):
    with pytest.raises(SourceUnavailable, match=r"^stage/user_purchase insert_date=2010-12-01 is not in the lake"):
        lake.manifest(DATASET, DAY)


def test_nothing_begins_where_all_is_done(lake):
    make(lake)

    with pytest.raises(CommitLost, match="complete already"):
        begin(lake)


def test_a_file_that_was_not_reported_is_not_committed(lake):
    attempt = begin(lake)
    files = write(attempt)
    with attempt.open("left-over.csv") as file:
        file.write(b"half")

    with pytest.raises(JobFailed, match=r"does not hold the files reported: look at left-over\.csv"):
        commit(attempt, files)

    assert not is_complete(lake)


def test_a_file_that_is_shorter_than_reported_is_not_committed(lake):
    attempt = begin(lake)
    [file] = write(attempt)

    with pytest.raises(JobFailed, match="part-0000"):
        commit(attempt, [File(file.name, file.bytes + 1, file.rows)])

    assert not is_complete(lake)


def test_a_partition_without_a_file_is_not_committed(lake):
    with pytest.raises(JobFailed, match="no file"):
        commit(begin(lake), [])


def test_marks_of_a_job_are_no_data(lake):
    attempt = begin(lake)
    for name in ("_SUCCESS", ".part-0000.csv.crc", "_temporary/0/part"):
        with attempt.open(name) as file:
            file.write(b"")

    commit(attempt, write(attempt))

    assert is_complete(lake)


def test_rows_that_were_counted_and_not_written_are_not_committed(lake):
    attempt = begin(lake)

    with pytest.raises(CheckFailed, match="2 rows were written, but the files are said to hold 1"):
        attempt.commit(write(attempt), Counts(2, 2, 0), {}, [], "0.1.0")


def test_counts_that_do_not_balance_do_not_exist():
    with pytest.raises(CheckFailed, match="Of 10 rows read, 8 were written and 1 refused"):
        Counts(read=10, written=8, refused=1)


def test_of_two_attempts_the_second_to_commit_loses_and_changes_nothing(lake):
    first, second = begin(lake), begin(lake)
    write(second, "other\nrows\n")
    won = commit(first, write(first))

    with pytest.raises(CommitLost, match=f"{first.id} was committed before {second.id}"):
        commit(second, write(second, "other\nrows\n"))

    assert lake.manifest(DATASET, DAY) == won


def test_of_many_threads_one_commits(lake):
    attempts = [begin(lake) for _ in range(8)]

    with ThreadPoolExecutor(8) as pool:
        won = [name for name in pool.map(commit_or_lose, attempts) if name]

    assert won == [lake.manifest(DATASET, DAY).attempt]


def test_of_many_processes_one_commits(lake):
    attempts = [begin(lake) for _ in range(4)]

    won = [name for name in in_processes(lambda number: commit_or_lose(attempts[number]), 4) if name]

    assert won == [lake.manifest(DATASET, DAY).attempt]


def test_an_attempt_that_commits_twice_has_won_twice(lake):
    attempt = begin(lake)
    files = write(attempt)

    commit(attempt, files)
    commit(attempt, files)

    assert lake.manifest(DATASET, DAY).attempt == attempt.id


def test_what_is_no_manifest_is_named(lake):
    lake.store.create(f"{DATASET}/_manifest/{DAY}.json", b"half a mani")

    with pytest.raises(CheckFailed, match=r"insert_date=2010-12-01\.json is no manifest"):
        lake.manifest(DATASET, DAY)


def test_what_is_in_the_way_is_named(lake):
    lake.store.create(f"{DATASET}/_manifest/notes.txt", b"mine")

    with pytest.raises(CheckFailed, match=r"_manifest/notes\.txt is not Lakeshift's"):
        lake.complete_partitions(DATASET)


@pytest.mark.parametrize("text", ["insert_date", "insert_date=", "=1", "a=../b", "a=b/c", "a= b", "a=.hidden"])
def test_what_would_leave_its_folder_is_no_partition(text):
    with pytest.raises(ValueError, match="is no partition"):
        Partition.parse(text)


def test_a_dataset_has_a_zone_and_a_name():
    with pytest.raises(ValueError, match="is no name of a dataset"):
        Dataset.parse("user_purchase")


def test_a_manifest_survives_its_json(lake):
    manifest = make(lake)

    assert Manifest.from_json(manifest.to_json()) == manifest


def test_as_many_refused_rows_as_the_settings_allow_are_put_up_with(settings):
    settings("lake", "max_refused", "0.5")

    refuse_too_many(Counts(4, 2, 2), "raw/feed", "quarantine/feed")

    with pytest.raises(CheckFailed) as caught:
        refuse_too_many(Counts(4, 1, 3), "raw/feed", "quarantine/feed", "line 2 of feed.csv: its quotes do not pair")
    assert str(caught.value) == (
        "raw/feed: 3 of 4 rows are refused, more than [lake] max_refused = 0.5. Nothing was committed."
        " The first is line 2 of feed.csv: its quotes do not pair. The rows and the reasons: quarantine/feed"
    )
