"""The day's purchases, copied out of PostgreSQL to a CSV file: copy_day.py DATABASE-URL DATE FILE"""

import sys
from pathlib import Path

import psycopg2

url, date, file = sys.argv[1:]
query = Path(__file__).parents[2].joinpath("sql/user_behaviour/user_purchase.sql").read_text().strip().rstrip(";")
with psycopg2.connect(url) as connection, connection.cursor() as cursor, Path(file).open("wb") as output:
    statement = cursor.mogrify(query, {"insert_dates": (date,)}).decode()
    cursor.copy_expert(f"COPY ({statement}) TO STDOUT (FORMAT csv, HEADER)", output)
