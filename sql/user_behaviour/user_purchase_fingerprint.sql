-- How many rows the day's extract has, and a hash of them in whatever order, by which a change of the source is
-- seen later. For PostgreSQL. Grain: one row.
SELECT
    count(*) AS purchases,
    coalesce(sum(hashtextextended(cast(row(
        invoice_number,
        stock_code,
        detail,
        quantity,
        invoice_date,
        unit_price,
        customer_id,
        country
    ) AS text), 0)), 0) AS digest
FROM retail.user_purchase
WHERE
    invoice_date >= cast(%(insert_date)s AS date)
    AND invoice_date < cast(%(insert_date)s AS date) + INTERVAL '1 day'
    AND quantity > 2;
