"""The whole day in one DuckDB process, as a user would write it instead: one_duckdb.py URL DATE FEED DATABASE"""

import sys
from pathlib import Path

import duckdb
import psycopg2

url, date, feed, database = sys.argv[1:]
query = Path(__file__).parents[2].joinpath("sql/user_behaviour/user_purchase.sql").read_text().strip().rstrip(";")
purchases = f"{database}.purchases.csv"
with psycopg2.connect(url) as connection, connection.cursor() as cursor, Path(purchases).open("wb") as output:
    statement = cursor.mogrify(query, {"insert_dates": (date,)}).decode()
    cursor.copy_expert(f"COPY ({statement}) TO STDOUT (FORMAT csv, HEADER)", output)
with duckdb.connect(database) as duck:
    duck.execute(
        f"""
        CREATE TABLE metric AS
        WITH purchases AS (
            SELECT customerid, sum(quantity * unitprice::decimal(8, 3)) AS amount_spent
            FROM read_csv('{purchases}')
            GROUP BY customerid
        ),

        reviews AS (
            SELECT
                try_cast(cid AS double)::bigint AS cid,
                count(*) FILTER (regexp_matches(lower(review_str), '\\bgood\\b')) AS review_score,
                count(*) AS review_count
            FROM read_csv('{feed}', header = true, all_varchar = true)
            GROUP BY 1
        )

        SELECT customerid, amount_spent, review_score, review_count
        FROM purchases
        JOIN reviews ON customerid = cid
        """
    )
