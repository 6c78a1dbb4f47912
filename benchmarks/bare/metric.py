"""The metric of staged files in DuckDB, and nothing else: metric.py PURCHASES REVIEWS DATABASE"""

import sys

import duckdb

purchases, reviews, database = sys.argv[1:]
read_purchases = "read_parquet" if purchases.endswith(".parquet") else "read_csv"
with duckdb.connect(database) as connection:
    connection.execute(
        f"""
        CREATE TABLE metric AS
        WITH purchases AS (
            SELECT customerid, sum(quantity * unitprice::decimal(8, 3)) AS amount_spent
            FROM {read_purchases}('{purchases}')
            GROUP BY customerid
        ),

        reviews AS (
            SELECT cid, count(*) FILTER (positive_review) AS review_score, count(*) AS review_count
            FROM read_parquet('{reviews}')
            GROUP BY cid
        )

        SELECT customerid, amount_spent, review_score, review_count
        FROM purchases
        JOIN reviews ON customerid::varchar = cid
        """
    )
