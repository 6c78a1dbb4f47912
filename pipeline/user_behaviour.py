"""What each customer spent on a day, and how that day's reviews of theirs were.

    review feed (CSV)              retail.user_purchase (PostgreSQL)
          |                                  |
      MovieReview                       UserPurchase
          |                                  |
    ClassifiedMovieReview                    |
          |                                  |
    ClassifiedMovieReviewPartition    UserPurchasePartition
          |                                  |
          +-------- UserBehaviourMetric -----+

The feed, as it is on the day and whole, is that date's reviews. Days do not depend on each other.
"""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pyarrow as pa
from luigi.util import requires

from pipeline.core import config
from pipeline.core.lake import Dataset
from pipeline.core.tasks import ExternalPartitionTask, ExtractTask, FeedTask, QueriedTable, SparkTask


class MovieReview(FeedTask):
    """A day's reviews as they were dropped."""

    dataset = Dataset("raw", "movie_review")
    header = ("cid", "review_str")
    setting = "[user_behaviour] review_feed"

    def feed(self) -> str:
        return config.user_behaviour().review_feed.replace("{date}", self.date.isoformat())

    def zone(self) -> ZoneInfo:
        return config.user_behaviour().timezone


class UserPurchase(ExtractTask):
    """A day's purchases of more than two pieces."""

    dataset = Dataset("stage", "user_purchase")
    source = "retail.user_purchase"
    query = "user_behaviour/user_purchase.sql"
    fingerprint = "user_behaviour/user_purchase_fingerprint.sql"
    schema = pa.schema(
        [
            ("invoiceno", pa.string()),
            ("stockcode", pa.string()),
            ("detail", pa.string()),
            ("quantity", pa.int32()),
            ("invoicedate", pa.timestamp("us")),
            ("unitprice", pa.decimal128(8, 3)),
            ("customerid", pa.int32()),
            ("country", pa.string()),
        ]
    )

    def zone(self) -> ZoneInfo:
        return config.user_behaviour().timezone


@requires(MovieReview)
class ClassifiedMovieReview(SparkTask):
    """A day's reviews, each positive or not."""

    dataset = Dataset("stage", "classified_movie_review")
    job = "classified_movie_review"


@requires(UserPurchase)
class UserPurchasePartition(ExternalPartitionTask):
    """The day's purchases as Spectrum sees them."""

    table = "spectrum.user_purchase_staging"


@requires(ClassifiedMovieReview)
class ClassifiedMovieReviewPartition(ExternalPartitionTask):
    """The day's classified reviews as Spectrum sees them."""

    table = "spectrum.classified_movie_review"


@requires(UserPurchasePartition, ClassifiedMovieReviewPartition)
class UserBehaviourMetric(QueriedTable):
    """The metric: one row for each customer with a purchase and a review on the day."""

    table = "public.user_behavior_metric"
