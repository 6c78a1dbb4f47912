"""The prices of up to a thousand companies, as one table of PostgreSQL that is replaced as a whole.

    Stocks/*.csv, CompanyNames/top_companies.txt
          |
    HistoricalStockData ------ PublishedStockData (Output/historical_stock_data.csv)
          |                            |
    HistoricalStocks ------------------+

The folder, as it is on the day and whole, is that date's result; the table and the published file have the last one.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, time
from decimal import Decimal
from zoneinfo import ZoneInfo

from luigi.util import requires

from pipeline.core import config
from pipeline.core.lake import Dataset
from pipeline.core.listed_files import ListedFiles
from pipeline.core.tasks import PublishedFile, SnapshotTable, TypedFilesTask
from pipeline.core.typed_csv import Column
from pipeline.core.watching import Monitored

SOURCE = "[stocks] source"
COLUMNS = (
    Column("Date", "stock_date", date),
    Column("Open", "open_value", Decimal),
    Column("High", "high_value", Decimal),
    Column("Low", "low_value", Decimal),
    Column("Close", "close_value", Decimal),
    Column("Volume", "volume_traded", int),
    Column("OpenInt", "open_interest", int),
)


def price_files() -> ListedFiles:
    """Return the files of prices, and the list of those that are read."""
    remedy = "`lakeshift seed stocks` makes one to try with"
    return ListedFiles(config.stocks().source, "CompanyNames/top_companies.txt", "Stocks", SOURCE, remedy)


class HistoricalStockData(TypedFilesTask):
    """A day's prices of all companies on the list, in one file without a header."""

    dataset = Dataset("stage", "historical_stock_data")
    columns = COLUMNS
    query = "stocks/historical_stock_data.sql"
    findings = "stocks/historical_stock_data_findings.sql"

    def source(self) -> ListedFiles:
        return price_files()

    def zone(self) -> ZoneInfo:
        return config.stocks().timezone

    def closes(self) -> time:
        return config.stocks().closes

    def refused_findings(self) -> Sequence[str]:
        return config.stocks().refused_findings


@requires(HistoricalStockData)
class PublishedStockData(PublishedFile):
    """The last day's prices, beside their source."""

    path = "Output/historical_stock_data.csv"
    setting = SOURCE

    def root(self) -> str:
        return config.stocks().source


@requires(HistoricalStockData, PublishedStockData)
class HistoricalStocks(SnapshotTable):
    """The prices of the last day that was loaded."""

    table = "public.historical_stocks_data"
    insert = "stocks/historical_stocks_data.sql"


def monitored() -> Monitored:
    """Return where the upload of a marker asks for a day's prices."""
    settings = config.stocks()
    return Monitored(HistoricalStocks, settings.monitored, "[stocks] monitored", settings.timezone, settings.closes)
