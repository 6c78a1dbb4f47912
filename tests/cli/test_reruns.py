"""`lakeshift rerun` makes a day incomplete, and says what makes it again."""

import sys

import pytest
from fixtures_cli import DAY, REVIEWS, commit

from pipeline.core.lake import Input, Lake
from pipeline.core.store import open_store


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


def test_a_rerun_whose_source_changed_says_so_and_what_stays_as_it_is(lakeshift, tmp_path):
    for dataset in REVIEWS:
        commit(Lake(open_store(str(tmp_path / "lake"))), dataset, Input("feed", str(DAY), fingerprint={"hash": "old"}))
    (tmp_path / "vendor").mkdir()
    (tmp_path / "vendor/movie_review.csv").write_text("cid,review_str\n1,good\n")

    done = lakeshift("rerun", "ClassifiedMovieReview", "--date", "2010-12-01")

    assert done.out.splitlines() == [
        "The source of MovieReview has changed since it was read",
        "raw/movie_review/insert_date=2010-12-01 will be made again",
        "stage/classified_movie_review/insert_date=2010-12-01 too",
        "Next: luigi --module pipeline.user_behaviour ClassifiedMovieReview --date 2010-12-01 --local-scheduler",
        "What is made of it, such as public.user_behavior_metric insert_date=2010-12-01, stays as it is;"
        " with --downstream it is asked for too",
    ]


def test_with_keep_sources_nothing_is_read_again_that_changed(lakeshift, tmp_path):
    lake = Lake(open_store(str(tmp_path / "lake")))
    for dataset in REVIEWS:
        commit(lake, dataset, Input("feed", str(DAY), fingerprint={"hash": "old"}))
    (tmp_path / "vendor").mkdir()
    (tmp_path / "vendor/movie_review.csv").write_text("cid,review_str\n1,good\n")

    done = lakeshift("rerun", "ClassifiedMovieReview", "--date", "2010-12-01", "--keep-sources")

    assert done.out.splitlines()[0] == "stage/classified_movie_review/insert_date=2010-12-01 will be made again"
    assert [lake.state(dataset, DAY).is_complete for dataset in REVIEWS] == [True, False]


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
