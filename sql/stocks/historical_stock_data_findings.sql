-- What is odd in the day's prices, and kept, since it was published so, unless [stocks] refused_findings names it.
-- Grain: a finding of a row. Run by DuckDB. Of a date that a file has twice, the second row is the odd one.
-- A file whose dates rise from line to line has none twice, so that few files are sorted for that.
WITH

stepped AS (
    SELECT
        file_number,
        stock_date <= lag(stock_date) OVER () AND file_number = lag(file_number) OVER () AS is_back
    FROM read_file
),

unordered AS (
    SELECT DISTINCT file_number
    FROM stepped
    WHERE is_back
),

repeated AS (
    SELECT
        rows_of.row_id,
        row_number() OVER (PARTITION BY rows_of.file_number, rows_of.stock_date ORDER BY rows_of.row_id) AS occurrence
    FROM read_file AS rows_of
    INNER JOIN unordered ON rows_of.file_number = unordered.file_number
)

SELECT
    'prices below 0' AS finding,
    row_id
FROM read_file
WHERE least(open_value, high_value, low_value, close_value) < 0
UNION ALL
SELECT
    'prices of 0' AS finding,
    row_id
FROM read_file
WHERE least(open_value, high_value, low_value, close_value) = 0
UNION ALL
SELECT
    'highs below the low' AS finding,
    row_id
FROM read_file
WHERE high_value < low_value
UNION ALL
SELECT
    'repeated dates' AS finding,
    row_id
FROM repeated
WHERE occurrence > 1;
