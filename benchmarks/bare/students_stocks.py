"""The published way: pandas reads file by file, and executemany inserts row by row. URL, folder, output, names..."""

import sys
from pathlib import Path

import pandas as pd
import psycopg2

url, folder, output, *names = sys.argv[1:]
INSERT = "INSERT INTO bare_stocks VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)"

frames = []
for name in names:
    path = Path(folder, name)
    if path.stat().st_size:
        frame = pd.read_csv(path).drop(columns="OpenInt")
        frame["daily_percent_change"] = (frame["Close"] - frame["Open"]) / frame["Open"] * 100
        frame["value_change"] = frame["Close"] - frame["Open"]
        frame["company_name"] = name.split(".")[0]
        frames.append(frame)
pd.concat(frames).to_csv(output, header=False, index=False)

connection = psycopg2.connect(url)
with connection, connection.cursor() as cursor, Path(output).open() as file:
    cursor.execute("DROP TABLE IF EXISTS bare_stocks")
    cursor.execute(f"CREATE TABLE bare_stocks ({', '.join(f'c{number} varchar(56)' for number in range(9))})")
    cursor.executemany(INSERT, (line.rstrip("\n").split(",") for line in file))
connection.close()
