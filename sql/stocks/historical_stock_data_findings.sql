-- What is odd in the day's prices, and kept, since it was published so: what it is, and how many rows.
WITH

repeated AS (
    SELECT count(*) - count(DISTINCT stock_date) AS row_count
    FROM read_file
    GROUP BY file_number
)

SELECT
    'prices below 0' AS finding,
    count(*) FILTER (WHERE least(open_value, high_value, low_value, close_value) < 0) AS row_count
FROM read_file
UNION ALL
SELECT
    'prices of 0' AS finding,
    count(*) FILTER (WHERE least(open_value, high_value, low_value, close_value) = 0) AS row_count
FROM read_file
UNION ALL
SELECT
    'highs below the low' AS finding,
    count(*) FILTER (WHERE high_value < low_value) AS row_count
FROM read_file
UNION ALL
SELECT
    'repeated dates' AS finding,
    sum(row_count) AS row_count
FROM repeated;
