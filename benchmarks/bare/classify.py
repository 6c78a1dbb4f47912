"""The reviews classified by a bare PySpark script, its own start included: classify.py FEED OUTPUT"""

import sys

from pyspark.sql import SparkSession
from pyspark.sql import functions as F  # noqa: N812

feed, output = sys.argv[1:]
spark = SparkSession.builder.master("local[*]").getOrCreate()
reviews = spark.read.csv(feed, "cid string, review_str string", header=True, multiLine=True, escape='"')
words = F.split(F.lower("review_str"), r"(?U)\W+")
positive = F.coalesce(F.array_contains(words, "good"), F.lit(False))
cid = F.regexp_extract("cid", r"^\s*0*(\d+)(\.0+)?\s*$", 1)
reviews.where(cid != "").select(cid.alias("cid"), positive.alias("positive_review")).write.parquet(output)
spark.stop()
