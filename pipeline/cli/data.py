"""Fills the sources, and shows what is in the warehouse."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.console import say, show_table

if TYPE_CHECKING:
    from pipeline.seed.loading import Loaded

NEXT = "Next: luigi --module pipeline.user_behaviour UserBehaviourMetric --date {day} --local-scheduler"

GENERATED = "Generated data, when no files are given"
Days = typer.Option(min=1, metavar="N", rich_help_panel=GENERATED, help="Days of the shop, from 2010-12-01.")
Rows = typer.Option(min=1, metavar="N", rich_help_panel=GENERATED, help="Purchases, over all the days.")
ReviewsCount = typer.Option(min=1, metavar="N", rich_help_panel=GENERATED, help="Reviews in the feed.")
Purchases = typer.Option(metavar="PATH", help="CSV files of Online Retail, folders of them, or .tar.xz archives.")
Reviews = typer.Option(metavar="FILE", help="A CSV file with the header cid,review_str; it becomes the review feed.")
More = typer.Argument(metavar="PATH", help="More paths of purchases, so that --purchases *.csv works.")


def seed(
    purchases: Annotated[list[Path] | None, Purchases] = None,
    reviews: Annotated[Path | None, Reviews] = None,
    days: Annotated[int, Days] = 20,
    rows: Annotated[int, Rows] = 60_000,
    reviews_count: Annotated[int, ReviewsCount] = 5_000,
    more: Annotated[list[Path] | None, More] = None,
) -> None:
    """Fill retail.user_purchase and the review feed, with generated data or with your own files.

    The days that the purchases bring are replaced, in one transaction; other days stay.
    """
    from pipeline.seed import loading

    if more and not purchases:
        raise typer.BadParameter("paths of purchases come after --purchases")
    if reviews:
        say(f"The reviews of {reviews} are the feed now: {loading.put_review_file(reviews)}")
    if purchases:
        _report(loading.load_purchase_files([*purchases, *(more or ())]))
    if not purchases and not reviews:
        _generate(days, rows, reviews_count)


def _generate(days: int, rows: int, reviews_count: int) -> None:
    from pipeline.seed import loading
    from pipeline.seed.generated_purchases import generated_purchases, shop_days
    from pipeline.seed.generated_reviews import generated_reviews

    feed = loading.put_generated_reviews(generated_reviews(reviews_count))
    say(f"{reviews_count:,} generated reviews are in {feed}")
    _report(loading.load_generated_purchases(generated_purchases(shop_days(days), rows)))


def _report(loaded: Loaded) -> None:
    rows, days = loaded.rows, loaded.days
    say(f"Purchases: read {rows.read:,}, wrote {rows.written:,}, refused {rows.refused:,}")
    if rows.refused:
        say(f"The refused rows and the reasons are in {loaded.quarantine}")
    if days:
        say(f"{len(days)} days of retail.user_purchase were replaced, {days[0]} to {days[-1]}")
        say(NEXT.format(day=days[0]))


def query(
    sql: Annotated[str, typer.Argument(metavar="SQL", help="Redshift SQL, such as 'SELECT * FROM public.etl_load'.")],
    limit: Annotated[int, typer.Option(min=1, help="The most rows to print.")] = 20,
) -> None:
    """Run a statement on the warehouse and print what it returns."""
    from pipeline.core.warehouse import warehouse

    table = warehouse().query_table(sql)
    if not table.columns:
        say("Done")
        return
    show_table(table.columns, table.rows[:limit])
    shown = f"the first {limit:,} of " if len(table.rows) > limit else ""
    say(f"{shown}{len(table.rows):,} rows")
