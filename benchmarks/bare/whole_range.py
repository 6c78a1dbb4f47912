"""A range of days in one bare PySpark script, its own start included: whole_range.py URL FIRST LAST FEEDS FOLDER

The purchases of all days are copied out once, all feeds (FEEDS/<day>.csv) are read and classified at once, both are
written by day as the pipeline writes them, and the metric of all days is one more file.
"""

import sys
from pathlib import Path

import psycopg2
from pyspark.sql import SparkSession
from pyspark.sql import functions as F  # noqa: N812

url, first, last, feeds, folder = sys.argv[1:]
COPY = """
COPY (
    SELECT
        invoice_number AS invoiceno, stock_code AS stockcode, detail, quantity, invoice_date AS invoicedate,
        unit_price AS unitprice, customer_id AS customerid, country, invoice_date::date AS insert_date
    FROM retail.user_purchase
    WHERE invoice_date >= %s AND invoice_date < %s::date + 1 AND quantity > 2
) TO STDOUT (FORMAT csv, HEADER)
"""
PURCHASES = (
    "invoiceno string, stockcode string, detail string, quantity int, invoicedate timestamp, unitprice decimal(8, 3),"
    " customerid int, country string, insert_date date"
)

with psycopg2.connect(url) as connection, connection.cursor() as cursor, Path(f"{folder}/all.csv").open("wb") as output:
    cursor.copy_expert(cursor.mogrify(COPY, (first, last)).decode(), output)

spark = SparkSession.builder.master("local[*]").getOrCreate()
spark.read.csv(f"{folder}/all.csv", PURCHASES, header=True, multiLine=True, escape='"').write.partitionBy(
    "insert_date"
).parquet(f"{folder}/purchases")
reviews = spark.read.csv(feeds, "cid string, review_str string", header=True, multiLine=True, escape='"')
cid = F.regexp_extract("cid", r"^\s*0*(\d+)(\.0+)?\s*$", 1)
day = F.to_date(F.regexp_extract(F.input_file_name(), r"(\d{4}-\d\d-\d\d)\.csv$", 1))
positive = F.coalesce(F.array_contains(F.split(F.lower("review_str"), r"(?U)\W+"), "good"), F.lit(False))
reviews.where(cid != "").select(
    cid.alias("cid"), positive.alias("positive_review"), day.alias("insert_date")
).write.partitionBy("insert_date").parquet(f"{folder}/reviews")

spent = (
    spark.read.parquet(f"{folder}/purchases")
    .where("customerid IS NOT NULL")
    .groupBy("insert_date", F.col("customerid").cast("string").alias("cid"))
    .agg(F.sum(F.col("quantity") * F.col("unitprice")).alias("amount_spent"))
)
said = (
    spark.read.parquet(f"{folder}/reviews")
    .groupBy("insert_date", "cid")
    .agg(F.sum(F.col("positive_review").cast("int")).alias("review_score"), F.count("*").alias("review_count"))
)
spent.join(said, ["insert_date", "cid"], how="inner").coalesce(1).write.parquet(f"{folder}/metric")
spark.stop()
