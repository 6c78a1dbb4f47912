-- What is odd in the day's prices, and kept, since it was published so, unless [stocks] refused_findings names it.
-- Grain: a finding of a row. Run by DuckDB. Of a date that a file has twice, the second row is the odd one.
WITH

repeated AS (
    SELECT
        row_id,
        row_number() OVER (PARTITION BY file_number, stock_date ORDER BY row_id) AS occurrence
    FROM read_file
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
