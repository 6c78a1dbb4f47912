"""Fills the source of the stocks pipeline."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.cli.console import LUIGI, counted, say
from pipeline.cli.output import answers

if TYPE_CHECKING:
    from pipeline.seed.stock_files import Put

GENERATED = "Generated data, when no paths are given"
COMPANIES = 100
Paths = typer.Argument(
    metavar="PATH",
    help="CSV files of prices, top_companies.txt, folders of them, .tar.xz archives. Without a list, all are on it.",
)
Companies = typer.Option(
    min=1, show_default=str(COMPANIES), metavar="N", rich_help_panel=GENERATED, help="How many have a file."
)
Overwrite = typer.Option("--overwrite", rich_help_panel=GENERATED, help="Put it among files that were not generated.")


def _show(filled: dict[str, Any]) -> None:
    # What was put where has been said.
    say(f"Next: {filled['next']}{', since that day is made already' if filled['is_made'] else ''}")


@answers(_show)
def seed_stocks(
    paths: Annotated[list[Path] | None, Paths] = None,
    companies: Annotated[int | None, Companies] = None,
    overwrite: Annotated[bool, Overwrite] = False,
) -> dict[str, Any]:
    """Fill the source of the stocks pipeline with generated prices of 1,000 days, or with your own files."""
    from pipeline.seed import stock_files
    from pipeline.seed.generated_prices import generated_files

    if paths:
        if companies is not None:
            raise typer.BadParameter("--companies is for generated data, and paths are given")
        return _filled_with(stock_files.put_given_files(paths), is_generated=False)
    if not overwrite:
        stock_files.check_nothing_is_lost()
    return _filled_with(stock_files.put_generated_files(generated_files(companies or COMPANIES)), is_generated=True)


def _filled_with(put: Put, is_generated: bool) -> dict[str, Any]:
    """Say and return what was put where, and return what has it loaded."""
    say(f"{counted(put.files, 'generated file' if is_generated else 'file')} of prices put in {put.folder}")
    say(f"The list {'of those that are read' if put.has_new_list else 'that was there stays'}: {put.list_path}")
    return {"is_generated": is_generated, "put": put, **_next()}


def _next() -> dict[str, Any]:
    """Return the line that has the last day loaded, and whether it is made already."""
    from pipeline.core import config
    from pipeline.core.lake import lake
    from pipeline.core.markers import last_ended
    from pipeline.stocks import HistoricalStockData, HistoricalStocks

    task, settings = HistoricalStocks, config.stocks()
    day = str(last_ended(datetime.now(timezone.utc), settings.timezone, settings.closes))
    made = max((one.value for one in lake().complete_partitions(HistoricalStockData.dataset)), default="")
    if made >= day:
        return {"is_made": True, "next": f"lakeshift rerun {task.__module__}.{task.__name__} --date {made}"}
    return {"is_made": False, "next": LUIGI.format(module=task.__module__, task=task.__name__, day=day)}
