"""The `lakeshift` command says what it did in plain lines, and what failed in one."""

import socket
import subprocess
import sys
import tempfile
from dataclasses import dataclass

import psycopg2
import pytest

from pipeline.cli import main
from pipeline.core.lake import Counts, Dataset, File, Lake, Partition
from pipeline.core.store import open_store
from pipeline.seed.purchase import HEADER

DAY = Partition("insert_date", "2010-12-01")
REVIEWS = [Dataset("raw", "movie_review"), Dataset("stage", "classified_movie_review")]


@dataclass
class Done:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str


@pytest.fixture
def lakeshift(settings, tmp_path, monkeypatch, capsys):
    """Return what runs the command in this process, with stores of the test's own."""
    settings("lake", "root", str(tmp_path / "lake"))
    settings("warehouse", "url", f"duckdb:{tmp_path}/warehouse.duckdb")
    settings("log", "file", str(tmp_path / "log/lakeshift.log"))
    settings("user_behaviour", "review_feed", str(tmp_path / "vendor/movie_review.csv"))

    def run(*arguments: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["lakeshift", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return Done(ended.value.code, *capsys.readouterr())

    return run


@pytest.fixture
def seeded(lakeshift, settings, database_url):
    settings("database", "url", database_url)
    return lakeshift


@pytest.fixture
def free_services(settings):
    """Set the services to a folder and a port that nobody else has."""
    # pytest's own folders are closed to the user that PostgreSQL runs as instead of root.
    with tempfile.TemporaryDirectory(prefix="lakeshift-test-") as folder:
        settings("database", "data", f"{folder}/postgres")
        with socket.create_server(("127.0.0.1", 0)) as free:
            settings("core", "scheduler_port", str(free.getsockname()[1]))
        yield


def commit(lake: Lake, dataset: Dataset) -> None:
    attempt = lake.begin(dataset, DAY, "test")
    with attempt.open("part-0000.csv") as stream:
        stream.write(b"cid\n")
    attempt.commit([File("part-0000.csv", 4, 0)], Counts(0, 0, 0), {"cid": "string"}, (), "test")


def test_the_help_names_every_command(lakeshift):
    done = lakeshift("--help")

    assert done.code == 0
    assert all(name in done.out for name in ("up", "down", "seed", "query", "rerun", "config", "warm"))


def test_help_waits_for_nothing_heavy():
    code = "import sys, pipeline.cli; print({'luigi', 'pyspark', 'duckdb', 'faker', 'psycopg2'} & set(sys.modules))"

    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "set()\n"


def test_config_shows_where_a_setting_comes_from_and_no_password(lakeshift, settings):
    settings("database", "url", "postgresql://me:secret@host/db")

    done = lakeshift("config")

    [line] = [line for line in done.out.splitlines() if "postgresql" in line]
    assert [cell.strip() for cell in line.strip("│").split("│")] == [
        *("[database]", "url", "postgresql://me:***@host/db", "set at run time")
    ]
    assert "secret" not in done.out


def test_a_malformed_setting_is_one_line_and_exit_1(lakeshift, settings):
    settings("lake", "max_refused", "lots")

    done = lakeshift("config")

    assert (done.code, done.out) == (1, "")
    assert done.err == "[lake] max_refused = lots (set at run time): expected a share between 0 and 1\n"


def test_what_nobody_foresaw_is_one_line_with_its_traceback_in_the_log(lakeshift, tmp_path):
    (tmp_path / "vendor").touch()

    done = lakeshift("seed")

    assert (done.code, len(done.err.splitlines())) == (1, 1)
    assert done.err.endswith(f"The traceback is in {tmp_path}/log/lakeshift.log\n")
    assert "FileExistsError" in (tmp_path / "log/lakeshift.log").read_text().splitlines()[-1]


def test_services_go_up_print_addresses_that_answer_and_go_down(lakeshift, free_services):
    try:
        up = lakeshift("up")
        [postgres, scheduler] = [line.split("│")[2].strip() for line in up.out.splitlines() if "://" in line]
        psycopg2.connect(postgres).close()
        socket.create_connection(("127.0.0.1", int(scheduler.rpartition(":")[2]))).close()
    finally:
        down = lakeshift("down")

    assert (up.code, down.out) == (0, "scheduler: stopped\nPostgreSQL: stopped\n")
    assert lakeshift("down").out == "scheduler: was not running\nPostgreSQL: was not running\n"


def test_seed_fills_both_sources_and_says_what_to_type_next(seeded, tmp_path):
    done = seeded("seed", "--days", "2", "--rows", "100", "--reviews-count", "10")

    assert done.out.splitlines() == [
        f"10 generated reviews are in {tmp_path}/vendor/movie_review.csv",
        "Purchases: read 100, wrote 100, refused 0",
        "2 days of retail.user_purchase were replaced, 2010-12-01 to 2010-12-02",
        "Next: luigi --module pipeline.user_behaviour UserBehaviourMetric --date 2010-12-01 --local-scheduler",
    ]


def test_seed_takes_as_many_files_as_a_shell_makes_of_a_star(seeded, tmp_path):
    for day in (1, 2, 3):
        line = f"536365,85123A,LANTERN,6,2010-12-0{day} 08:26:00,2.55,17850.0,EIRE"
        (tmp_path / f"{day}.csv").write_text(f"{','.join(HEADER)}\n{line}\n")
    (tmp_path / "reviews.csv").write_text("cid,review_str\n17850,good\n")
    files = [str(file) for file in sorted(tmp_path.glob("?.csv"))]

    done = seeded("seed", "--purchases", *files, "--reviews", str(tmp_path / "reviews.csv"))

    assert "Purchases: read 3, wrote 3, refused 0\n3 days of retail.user_purchase" in done.out
    assert (tmp_path / "vendor/movie_review.csv").read_text() == "cid,review_str\n17850,good\n"


def test_paths_of_no_known_kind_are_a_wrong_usage(lakeshift, tmp_path):
    done = lakeshift("seed", str(tmp_path))

    assert (done.code, "come after --purchases" in done.err) == (2, True)


def test_a_database_that_does_not_answer_is_one_line_without_its_password(lakeshift, settings):
    settings("database", "url", "postgresql://me:secret@127.0.0.1:1/db")

    done = lakeshift("seed")

    assert (done.code, len(done.err.splitlines())) == (1, 1)
    assert "PostgreSQL at 127.0.0.1:1/db cannot be reached" in done.err
    assert "secret" not in done.err


def test_query_prints_the_first_rows_below_their_names(lakeshift):
    rows = "SELECT 7 AS a, NULL AS b UNION ALL SELECT 8, '[red]' UNION ALL SELECT 9, 'x'"

    done = lakeshift("query", "--limit", "2", rows)

    lines = [line.replace("┃", "│").strip("│") for line in done.out.splitlines() if line[0] in "│┃"]
    cells = [[cell.strip() for cell in line.split("│")] for line in lines]
    assert cells == [["a", "b"], ["7", "null"], ["8", "[red]"]]
    assert done.out.splitlines()[-1] == "the first 2 of 3 rows"


def test_a_query_that_cannot_be_run_is_one_line(lakeshift):
    done = lakeshift("query", "SELECT nothing FROM nowhere")

    assert (done.code, len(done.err.splitlines())) == (1, 1)
    assert "nowhere" in done.err


def test_a_rerun_makes_a_day_incomplete_and_downstream_what_is_made_of_it(lakeshift, tmp_path):
    lake = Lake(open_store(str(tmp_path / "lake")))
    for dataset in REVIEWS:
        commit(lake, dataset)

    alone = lakeshift("rerun", "MovieReview", "--date", "2010-12-01")
    after_one = [lake.state(dataset, DAY).is_complete for dataset in REVIEWS]
    all_of_it = lakeshift("rerun", "MovieReview", "--date", "2010-12-01", "--downstream")

    assert (alone.code, all_of_it.code, after_one) == (0, 0, [False, True])
    assert not lake.state(REVIEWS[1], DAY).is_complete
    assert all_of_it.out.splitlines() == [
        "raw/movie_review/insert_date=2010-12-01 will be made again",
        "stage/classified_movie_review/insert_date=2010-12-01 too",
        "spectrum.classified_movie_review insert_date=2010-12-01 too",
        "public.user_behavior_metric insert_date=2010-12-01 too",
        "Next: luigi --module pipeline.user_behaviour UserBehaviourMetric --date 2010-12-01 --local-scheduler",
    ]


def test_a_rerun_alone_names_its_line_and_what_stays_as_it_is(lakeshift, tmp_path):
    commit(Lake(open_store(str(tmp_path / "lake"))), REVIEWS[0])

    done = lakeshift("rerun", "MovieReview", "--date", "2010-12-01")

    assert done.out.splitlines() == [
        "raw/movie_review/insert_date=2010-12-01 will be made again",
        "Next: luigi --module pipeline.user_behaviour MovieReview --date 2010-12-01 --local-scheduler",
        "What is made of it, such as public.user_behavior_metric insert_date=2010-12-01, stays as it is;"
        " with --downstream it is asked for too",
    ]


def test_what_is_downstream_is_asked_for_before_what_it_is_made_of(lakeshift, tmp_path, monkeypatch):
    lake = Lake(open_store(str(tmp_path / "lake")))
    for dataset in REVIEWS:
        commit(lake, dataset)
    ask = Lake.request_rerun
    # As a kill between the two requests.
    monkeypatch.setattr(Lake, "request_rerun", lambda *asked: [ask(*asked), sys.exit(9)])

    done = lakeshift("rerun", "MovieReview", "--date", "2010-12-01", "--downstream")

    assert (done.code, [lake.state(dataset, DAY).is_complete for dataset in REVIEWS]) == (9, [True, False])


@pytest.mark.parametrize("task", ["MovieReview", "ClassifiedMovieReviewPartition"])
def test_a_rerun_that_is_refused_asks_for_nothing_downstream(lakeshift, tmp_path, task):
    lake = Lake(open_store(str(tmp_path / "lake")))
    commit(lake, REVIEWS[1])

    done = lakeshift("rerun", task, "--date", "2010-12-01", "--downstream")

    assert (done.code, lake.state(REVIEWS[1], DAY).is_complete) == (1, True)


def test_a_rerun_of_what_was_never_made_is_refused(lakeshift):
    done = lakeshift("rerun", "UserPurchase", "--date", "2010-12-01")

    assert (done.code, "was never made" in done.err) == (1, True)


def test_a_rerun_of_an_unknown_task_names_the_known_ones(lakeshift):
    done = lakeshift("rerun", "UserBehaviorMetric", "--date", "2010-12-01")

    assert (done.code, "UserBehaviourMetric" in done.err) == (1, True)
