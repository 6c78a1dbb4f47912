"""`lakeshift seed` fills both sources or says why not, and has the days made already made again."""

from itertools import chain

import pytest
from fixtures_cli import DAY, REVIEWS, commit
from fixtures_s3 import REGION, new_bucket

from pipeline.core.etl_load import Load, Part
from pipeline.core.lake import Dataset, Lake
from pipeline.core.store import open_store
from pipeline.core.warehouse import warehouse
from pipeline.seed.purchase import HEADER

METRIC = "public.user_behavior_metric"


def test_seed_fills_both_sources_and_says_what_to_type_next(seeded, tmp_path):
    done = seeded("seed", "--overwrite", "--days", "2", "--rows", "100", "--reviews-count", "10")

    assert done.out.splitlines() == [
        "Purchases: read 100, wrote 100, refused 0",
        "Days of retail.user_purchase replaced: 2, from 2010-12-01 to 2010-12-02",
        f"10 generated reviews are in {tmp_path}/vendor/movie_review.csv",
        "Next: luigi --module pipeline.user_behaviour UserBehaviourMetric --date 2010-12-01 --local-scheduler",
    ]


def test_seed_takes_as_many_files_as_a_shell_makes_of_a_star(seeded, tmp_path):
    for day in (1, 2, 3):
        line = f"536365,85123A,LANTERN,6,2010-12-0{day} 08:26:00,2.55,17850.0,EIRE"
        (tmp_path / f"{day}.csv").write_text(f"{','.join(HEADER)}\n{line}\n")
    (tmp_path / "reviews.csv").write_text("cid,review_str\n17850,good\n")
    files = [str(file) for file in sorted(tmp_path.glob("?.csv"))]

    done = seeded("seed", "--purchases", *files, "--reviews", str(tmp_path / "reviews.csv"))

    assert "Purchases: read 3, wrote 3, refused 0\nDays of retail.user_purchase replaced: 3" in done.out
    assert (tmp_path / "vendor/movie_review.csv").read_text() == "cid,review_str\n17850,good\n"


@pytest.fixture
def files(tmp_path):
    """Return what names one day's purchases and the reviews on the command line."""
    line = "536365,85123A,LANTERN,6,2010-12-01 08:26:00,2.55,17850.0,EIRE"
    (tmp_path / "purchases.csv").write_text(f"{','.join(HEADER)}\n{line}\n")
    (tmp_path / "reviews.csv").write_text("cid,review_str\n17850,good\n")
    return {f"--{name}": str(tmp_path / f"{name}.csv") for name in ("purchases", "reviews")}


@pytest.mark.parametrize(
    ("given", "complete"), [(["--purchases"], [False, True]), (["--purchases", "--reviews"], [False] * 2)]
)
def test_days_that_were_made_already_are_made_again_of_what_is_seeded(seeded, tmp_path, files, given, complete):
    lake = Lake(open_store(str(tmp_path / "lake")))
    datasets = [Dataset("stage", "user_purchase"), REVIEWS[0]]
    for dataset in datasets:
        commit(lake, dataset)

    done = seeded("seed", *(word for name in given for word in (name, files[name])))

    assert done.out.splitlines()[-2:] == [
        "1 day made already will be made again",
        "Next: luigi --module pipeline.user_behaviour UserBehaviourMetric --date 2010-12-01 --local-scheduler",
    ]
    assert [lake.state(dataset, DAY).is_complete for dataset in datasets] == complete


def test_a_table_is_loaded_again_although_its_purchases_were_asked_for_before(seeded, files):
    tables = warehouse()
    with tables.loading(Load(METRIC, "a1", "test", {DAY: Part("test")})):
        pass

    seeded("seed", "--purchases", files["--purchases"])

    assert not tables.load_state(METRIC, DAY).is_complete


def test_reviews_alone_leave_the_days_that_are_made_and_say_how_to_change_that(lakeshift, tmp_path, files):
    lake = Lake(open_store(str(tmp_path / "lake")))
    commit(lake, REVIEWS[0])

    done = lakeshift("seed", "--reviews", files["--reviews"])

    assert done.out.splitlines()[1:] == [
        "Days made already keep the reviews that they were made with, unless they are asked for:"
        " lakeshift rerun MovieReview --date D --downstream"
    ]
    assert lake.state(REVIEWS[0], DAY).is_complete


@pytest.mark.parametrize("bad", ["--purchases", "--reviews"])
def test_when_one_of_the_two_is_bad_neither_source_changes(seeded, postgres, tmp_path, files, bad):
    (tmp_path / f"{bad[2:]}.csv").write_text("another,header\n")

    done = seeded("seed", *chain(*files.items()))

    assert (done.code, (tmp_path / "vendor/movie_review.csv").exists()) == (1, False)
    assert postgres.query("SELECT to_regclass('retail.user_purchase')") == [(None,)] or not postgres.query(
        "SELECT * FROM retail.user_purchase"
    )


def seed_arguments(files, kind):
    return ["--overwrite", "--days", "1", "--rows", "10"] if kind == "generated" else list(chain(*files.items()))


@pytest.mark.parametrize("kind", ["generated", "files"])
def test_a_warehouse_without_its_tables_is_noticed_before_a_source_changes(
    seeded, settings, redshift, postgres, tmp_path, files, kind
):
    settings("warehouse", "url", redshift.url)

    done = seeded("seed", *seed_arguments(files, kind))

    assert (done.code, "lakeshift migrate" in done.err) == (1, True)
    assert postgres.query("SELECT to_regclass('retail.user_purchase')") == [(None,)]
    assert not (tmp_path / "vendor/movie_review.csv").exists()


@pytest.mark.parametrize("kind", ["generated", "files"])
def test_a_feed_that_s3_refuses_is_noticed_before_the_purchases_change(
    seeded, settings, ministack, postgres, files, kind
):
    settings("lake", "endpoint_url", ministack)
    settings("user_behaviour", "review_feed", "s3://no-vendor/reviews.csv")

    done = seeded("seed", *seed_arguments(files, kind))

    assert (done.code, "bucket no-vendor does not exist. Look at [user_behaviour] review_feed" in done.err) == (1, True)
    assert postgres.query("SELECT to_regclass('retail.user_purchase')") == [(None,)]


@pytest.mark.parametrize("name", ["--days", "--rows", "--reviews-count"])
def test_what_is_said_of_generated_data_does_not_go_with_files(lakeshift, files, name):
    done = lakeshift("seed", "--reviews", files["--reviews"], name, "3")

    assert (done.code, f"{name} is for generated data" in done.err) == (2, True)


def test_paths_of_no_known_kind_are_a_wrong_usage(lakeshift, tmp_path):
    done = lakeshift("seed", str(tmp_path))

    assert (done.code, "come after --purchases" in done.err) == (2, True)


def test_a_database_that_does_not_answer_is_one_line_without_its_password(lakeshift, settings):
    settings("database", "url", "postgresql://me:secret@127.0.0.1:1/db")

    done = lakeshift("seed", "--overwrite")

    assert (done.code, len(done.err.splitlines())) == (1, 1)
    assert "PostgreSQL at 127.0.0.1:1/db cannot be reached" in done.err
    assert "secret" not in done.err


def test_generated_data_does_not_replace_reviews_that_were_not_generated(lakeshift, settings, tmp_path):
    settings("database", "url", "embedded")
    feed = tmp_path / "vendor/movie_review.csv"
    feed.parent.mkdir()
    feed.write_text("cid,review_str\n1,mine\n")

    done = lakeshift("seed")

    assert done.code == 1
    assert done.err.startswith(f"The reviews in {feed} were not generated. Give files")
    assert feed.read_text() == "cid,review_str\n1,mine\n"


def test_generated_data_does_not_go_into_a_database_of_ones_own(seeded):
    done = seeded("seed")

    assert done.code == 1
    assert "is not the embedded server. Give files (--purchases, --reviews), or --overwrite" in done.err


def test_seed_fills_sources_elsewhere_when_told_so(seeded, settings, ministack, postgres):
    root = new_bucket(ministack)
    settings("lake", "endpoint_url", ministack)
    settings("lake", "region", REGION)
    settings("user_behaviour", "review_feed", f"{root}/inbox/movie_review.csv")

    done = seeded("seed", "--overwrite", "--days", "1", "--rows", "100", "--reviews-count", "10")

    assert f"10 generated reviews are in {root}/inbox/movie_review.csv\n" in done.out
    assert open_store(f"{root}/inbox").read("movie_review.csv").data.startswith(b"cid,review_str\n")
    assert postgres.query("SELECT count(*) FROM retail.user_purchase") == [(100,)]
