"""A source outside the lake that is no longer what was read is found."""

from __future__ import annotations

from fixtures_audit import DAY, NEXT_DAY, STOCK_DAY, of

from pipeline.user_behaviour import MovieReview

REVIEWS = [("source changed", "raw/movie_review", str(of(day))) for day in (DAY, NEXT_DAY)]


def test_rows_that_changed_since_they_were_extracted_are_found(world):
    world.execute("UPDATE retail.user_purchase SET unit_price = 9 WHERE invoice_number = '4'")

    assert world.found() == [("source changed", "stage/user_purchase", str(of(DAY)))]


def test_a_feed_that_was_replaced_is_found_and_one_that_was_only_touched_is_not(world):
    feed = world.folder / "movie_review.csv"
    feed.touch()
    before = world.found(code=0)

    feed.write_text("cid,review_str\n1,good\n")

    assert (before, world.found()) == ([], REVIEWS)


def test_a_feed_that_is_gone_is_found(world):
    (world.folder / "movie_review.csv").unlink()

    assert world.found() == [("source unknown", "raw/movie_review", str(of(day))) for day in (DAY, NEXT_DAY)]
    assert "movie_review.csv cannot be read: No such file or directory" in world.audit().out


def test_files_of_prices_that_were_replaced_are_found(world):
    (world.folder / "stocks/Stocks/a.us.csv").write_text("Date,Open\n")

    assert world.found() == [("source changed", "stage/historical_stock_data", str(of(STOCK_DAY)))]


def test_a_partition_whose_source_nobody_noted_is_found(world):
    world.change_manifest(MovieReview, inputs=[])

    assert world.found() == [("source unknown", "raw/movie_review", str(of(DAY)))]


def test_sources_are_left_alone_where_that_is_asked_for(world):
    (world.folder / "movie_review.csv").unlink()
    world.execute("DROP TABLE retail.user_purchase")

    assert world.found("--no-sources", code=0) == []
