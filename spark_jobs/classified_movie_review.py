"""Says of each film review whether it is positive.

Reads    raw/movie_review: CSV with a header, cid and review_str
Writes   stage/classified_movie_review: cid varchar(100) (a whole number), positive_review boolean
Refuses  a cid that is no whole number; `17850.0`, as pandas writes one, is 17850
"""

import sys

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812

from spark_jobs import job

SCHEMA = f"cid string, review_str string, {job.REFUSED} string"
WHOLE_NUMBER = r"^\s*0*(\d{1,100})(\.0+)?\s*$"


def read(spark: SparkSession, locations: list[str]) -> DataFrame:
    return spark.read.csv(
        locations,
        SCHEMA,
        header=True,
        enforceSchema=False,
        multiLine=True,
        escape='"',
        columnNameOfCorruptRecord=job.REFUSED,
    )


def refusal() -> Column:
    """Return why a review cannot be taken: its customer is not known, and nothing could be joined to it."""
    missing = F.col("cid").isNull() | (F.trim("cid") == "")
    return F.when(missing, "cid is missing").when(~F.col("cid").rlike(WHOLE_NUMBER), "cid is no whole number")


def transform(reviews: DataFrame) -> DataFrame:
    """Return one row for each review, positive where it has the word good."""
    # A token lies between characters that are in no word, and `good` is no stop word: this is the same as to
    # tokenise, take the stop words out and look for the token, at half the cost.
    # (?U): from Java 19 on, é would not be of a word.
    positive = F.lower("review_str").rlike(r"(?U)\bgood\b")
    cid = F.regexp_extract("cid", WHOLE_NUMBER, 1)
    return reviews.select(cid.alias("cid"), F.coalesce(positive, F.lit(False)).alias("positive_review"))


if __name__ == "__main__":
    job.main(sys.modules[__name__])
