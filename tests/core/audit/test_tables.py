"""What the catalogue and the tables hold and the lake or etl_load does not is found, and the other way round."""

from __future__ import annotations

import pytest
from fixtures_audit import DAY, NEXT_DAY, STOCK_DAY, classify, make_partitions_and_metric, of

from pipeline.core.lake import lake
from pipeline.core.warehouse import warehouse
from pipeline.user_behaviour import ClassifiedMovieReview, MovieReview, UserPurchase, UserPurchasePartition

PURCHASE = ("spectrum.user_purchase_staging", str(of(DAY)))
METRIC = ("public.user_behavior_metric", str(of(DAY)))
STOCKS = ("public.historical_stocks_data", str(of(STOCK_DAY)))
LOADS = "UPDATE public.etl_load SET"


def test_an_external_partition_that_points_elsewhere_is_found(world):
    lake().request_rerun(UserPurchase.dataset, of(DAY))
    UserPurchase(date=DAY).run()

    assert world.found() == [("external location", *PURCHASE), ("input stale", *METRIC)]


def test_a_partition_that_the_catalogue_does_not_have_is_found(world):
    warehouse().query("DELETE FROM catalogue.external_partition WHERE location LIKE '%user_purchase%2010-12-01'")

    assert world.found() == [("external missing", *PURCHASE)]
    assert UserPurchasePartition(date=DAY).complete() is False


def test_an_external_partition_without_a_manifest_is_found(world):
    world.manifest_path(UserPurchase).unlink()

    assert world.found() == [("external unknown", *PURCHASE), ("input unknown", *METRIC)]


def test_an_external_partition_of_no_day_is_found(world):
    warehouse().query(
        "INSERT INTO catalogue.external_partition SELECT schemaname, tablename, ['soon'], location"
        " FROM catalogue.external_partition WHERE location LIKE '%user_purchase%2010-12-01'"
    )

    assert world.found() == [("external unknown", "spectrum.user_purchase_staging", "soon")]


@pytest.mark.parametrize("change", ["DELETE FROM", "INSERT INTO public.user_behavior_metric SELECT * FROM"])
def test_rows_that_are_gone_or_there_twice_are_found(world, change):
    warehouse().query(f"{change} public.user_behavior_metric WHERE insert_date = '{DAY}'")

    assert world.found() == [("table rows", *METRIC)]


def test_rows_of_a_day_that_etl_load_does_not_have_are_found(world):
    warehouse().query("INSERT INTO public.user_behavior_metric VALUES (1, 1, 1, 1, '2011-01-01')")

    assert world.found() == [("table unknown", "public.user_behavior_metric", "insert_date=2011-01-01")]
    assert world.found("--range", "2010-12", code=0) == []


def test_rows_of_no_day_are_found(world):
    warehouse().query("INSERT INTO public.user_behavior_metric VALUES (1, 1, 1, 1, NULL)")

    assert world.found() == [("table unknown", "public.user_behavior_metric", "")]


def test_a_row_of_etl_load_that_is_gone_leaves_rows_that_it_does_not_have(world):
    warehouse().query(f"DELETE FROM public.etl_load WHERE partition_key = '{of(DAY)}'")

    assert world.found() == [("table unknown", *METRIC)]


def test_a_day_that_etl_load_has_twice_is_found(world):
    warehouse().query(f"INSERT INTO public.etl_load SELECT * FROM public.etl_load WHERE partition_key = '{of(DAY)}'")

    assert world.found() == [("table twice", *METRIC)]


def test_a_row_of_etl_load_of_no_day_is_found(world):
    warehouse().query(f"{LOADS} partition_key = 'some day' WHERE partition_key = '{of(NEXT_DAY)}'")

    days = ("some day", str(of(NEXT_DAY)))
    assert world.found() == [("table unknown", "public.user_behavior_metric", day) for day in days]


def test_a_table_made_of_what_was_replaced_is_found_until_it_is_loaded_again(world):
    for dataset in (MovieReview.dataset, ClassifiedMovieReview.dataset):
        lake().request_rerun(dataset, of(DAY))
    MovieReview(date=DAY).run()
    classify(DAY)
    before = [kind for kind, *about in world.found() if tuple(about) == METRIC]
    world.run("rerun", "UserBehaviourMetric", "--date", str(DAY))

    make_partitions_and_metric(DAY)

    assert before == ["input stale"]
    assert world.found(code=0) == []


@pytest.mark.parametrize("inputs", ["NULL", "'[{'", "'[5]'"])
def test_inputs_that_cannot_be_read_are_found(world, inputs):
    warehouse().query(f"{LOADS} inputs = {inputs} WHERE partition_key = '{of(DAY)}'")

    assert world.found() == [("input unknown", *METRIC)]


def test_rows_of_a_snapshot_that_are_gone_are_found(world):
    world.execute("DELETE FROM public.historical_stocks_data WHERE stock_date = '2017-11-09'")

    assert world.found() == [("table rows", *STOCKS)]


def test_a_snapshot_that_etl_load_does_not_have_is_found(world):
    world.execute("DELETE FROM public.etl_load")

    assert world.found() == [("table unknown", "public.historical_stocks_data", "")]


def test_a_snapshot_made_of_what_was_replaced_is_found(world):
    world.execute('UPDATE public.etl_load SET inputs = replace(inputs, \'"attempt": "2\', \'"attempt": "1\')')

    assert world.found() == [("input stale", *STOCKS)]
