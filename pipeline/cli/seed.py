"""Fills the sources of the user-behaviour pipeline."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.cli.completion import second_words
from pipeline.cli.console import LUIGI, counted, say
from pipeline.cli.output import answers

if TYPE_CHECKING:
    from pipeline.core.tasks import PartitionTask
    from pipeline.seed.loading import Loaded

KEPT = (
    "Days made already keep the reviews that they were made with, unless they are asked for:"
    " lakeshift rerun MovieReview --date D --downstream"
)

GENERATED = "Generated data, when no files are given"
DAYS, ROWS, REVIEWS_COUNT = 20, 60_000, 5_000
Days = typer.Option(
    min=1, show_default=str(DAYS), metavar="N", rich_help_panel=GENERATED, help="Days of the shop, from 2010-12-01."
)
Rows = typer.Option(
    min=1, show_default=str(ROWS), metavar="N", rich_help_panel=GENERATED, help="Purchases, over all the days."
)
ReviewsCount = typer.Option(
    min=1, show_default=str(REVIEWS_COUNT), metavar="N", rich_help_panel=GENERATED, help="Reviews in the feed."
)
Overwrite = typer.Option("--overwrite", rich_help_panel=GENERATED, help="Replace data that was not generated.")
Purchases = typer.Option(
    metavar="PATH",
    help="CSV files of Online Retail (UTF-8, InvoiceDate as 2010-12-01 08:26:00), folders of them, .tar.xz archives.",
)
Reviews = typer.Option(metavar="FILE", help="A CSV file with the header cid,review_str; it becomes the review feed.")
More = typer.Argument(
    metavar="PATH", help="More paths of purchases, so that --purchases *.csv works.", autocompletion=second_words
)


def _show(filled: dict[str, Any]) -> None:
    # What was filled has been said, one after the other.
    if filled["purchases"] is None:
        say(KEPT)
    elif filled["next"]:
        say(f"Next: {filled['next']}")


@answers(_show)
def seed(
    purchases: Annotated[list[Path] | None, Purchases] = None,
    reviews: Annotated[Path | None, Reviews] = None,
    days: Annotated[int | None, Days] = None,
    rows: Annotated[int | None, Rows] = None,
    reviews_count: Annotated[int | None, ReviewsCount] = None,
    overwrite: Annotated[bool, Overwrite] = False,
    more: Annotated[list[Path] | None, More] = None,
) -> dict[str, Any]:
    """Fill retail.user_purchase and the review feed, with generated data or with your own files.

    The days that the purchases bring are replaced, in one transaction, and made again if they were made already.
    """
    if more and not purchases:
        raise typer.BadParameter("paths of purchases come after --purchases")
    if not purchases and not reviews:
        if not overwrite:
            _check_nothing_is_lost()
        return _generate(days or DAYS, rows or ROWS, reviews_count or REVIEWS_COUNT)
    for name, value in (("--days", days), ("--rows", rows), ("--reviews-count", reviews_count)):
        if value is not None:
            raise typer.BadParameter(f"{name} is for generated data, and files are given")
    return _load([*(purchases or ()), *(more or ())], reviews)


def _load(purchases: list[Path], reviews: Path | None) -> dict[str, Any]:
    """Load the user's own files: neither source changes if the other's file is refused."""
    from pipeline.seed import loading
    from pipeline.seed.reviews import check_review_file, put_review_file

    if reviews:
        check_review_file(reviews)
    if purchases:
        _check_what_is_made(with_reviews=reviews is not None)
    loaded = loading.load_purchase_files(purchases) if purchases else None
    if loaded:
        _report(loaded)
    feed = put_review_file(reviews) if reviews else None
    if feed:
        say(f"The reviews of {reviews} are the feed now: {feed}")
    return _filled_with(loaded, feed)


def _check_nothing_is_lost() -> None:
    from pipeline.seed.reviews import check_nothing_is_lost

    check_nothing_is_lost()


def _generate(days: int, rows: int, reviews_count: int) -> dict[str, Any]:
    from pipeline.seed import loading, reviews
    from pipeline.seed.generated_purchases import generated_purchases, shop_days
    from pipeline.seed.generated_reviews import generated_reviews

    reviews.check_feed()
    _check_what_is_made(with_reviews=True)
    loaded = loading.load_generated_purchases(generated_purchases(shop_days(days), rows))
    _report(loaded)
    feed = reviews.put_generated_reviews(generated_reviews(reviews_count))
    say(f"{reviews_count:,} generated reviews are in {feed}")
    return _filled_with(loaded, feed)


def _filled_with(loaded: Loaded | None, feed: str | None) -> dict[str, Any]:
    """Have the days that are made already made again of what is there now, and return what was filled."""
    from pipeline.cli.reruns import request_reruns
    from pipeline.user_behaviour import UserBehaviourMetric as Metric

    days = loaded.days if loaded else []
    again = request_reruns(_filled(with_reviews=feed is not None), days)
    if again:
        say(f"{counted(len(again), 'day')} made already will be made again")
    return {
        "purchases": loaded,
        "review_feed": feed,
        "days_again": again,
        "next": LUIGI.format(module=Metric.__module__, task=Metric.__name__, day=days[0]) if days else None,
    }


def _check_what_is_made(with_reviews: bool) -> None:
    """Raise what _filled_with would, while no source has changed yet."""
    from pipeline.cli.reruns import check_reruns

    check_reruns(_filled(with_reviews))


def _filled(with_reviews: bool) -> list[type[PartitionTask]]:
    """Return the tasks that read the sources which are filled."""
    from pipeline.user_behaviour import MovieReview, UserPurchase

    return [UserPurchase, MovieReview] if with_reviews else [UserPurchase]


def _report(loaded: Loaded) -> None:
    rows, days = loaded.rows, loaded.days
    say(f"Purchases: read {rows.read:,}, wrote {rows.written:,}, refused {rows.refused:,}")
    if rows.refused:
        say(f"The refused rows and the reasons are in {loaded.quarantine}")
    if days:
        say(f"Days of retail.user_purchase replaced: {len(days)}, from {days[0]} to {days[-1]}")
