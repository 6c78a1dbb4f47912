-- What each line of the day's price files says, and how the price moved from the opening to the close.
-- Grain: a line of a file. Run by DuckDB; a company is named by its file, up to the first dot.
SELECT
    stock_date,
    open_value,
    high_value,
    low_value,
    close_value,
    volume_traded::bigint AS volume_traded,
    CASE WHEN open_value <> 0 THEN (close_value - open_value)::double precision / open_value * 100 END
        AS daily_percent_change,
    close_value - open_value AS value_change,
    split_part(file_name, '.', 1) AS company_name
FROM read_file;
