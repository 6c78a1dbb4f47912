-- How many rows each day's extract has, and a hash of them in whatever order, by which a change of the source is
-- seen later. For PostgreSQL. Grain: a day, also one without rows.
SELECT
    cast(days.midnight AS date) AS insert_date,
    count(user_purchase.invoice_date) AS purchases,
    coalesce(sum(CASE
        WHEN user_purchase.invoice_date IS NOT NULL
            THEN hashtextextended(cast(row(
                user_purchase.invoice_number,
                user_purchase.stock_code,
                user_purchase.detail,
                user_purchase.quantity,
                user_purchase.invoice_date,
                user_purchase.unit_price,
                user_purchase.customer_id,
                user_purchase.country
            ) AS text), 0)
    END), 0) AS digest
FROM
    generate_series(
        cast(least %(insert_dates)s AS timestamp), -- noqa: LT01, LT06
        cast(greatest %(insert_dates)s AS timestamp), -- noqa: LT01, LT06
        INTERVAL '1 day'
    ) AS days (midnight)
LEFT JOIN retail.user_purchase
    ON
        days.midnight <= user_purchase.invoice_date
        AND days.midnight + INTERVAL '1 day' > user_purchase.invoice_date
        AND user_purchase.quantity > 2
WHERE days.midnight IN %(insert_dates)s
GROUP BY days.midnight;
