-- The days' purchases of more than two of a thing, under the names that the staged files have. For PostgreSQL.
-- Grain: a line of an invoice, one day after the other. Each day is looked up in the index by itself: what lies
-- between two of them is not read, and nothing is sorted. The list brings its own parentheses.
SELECT
    cast(days.midnight AS date) AS insert_date,
    user_purchase.invoice_number AS invoiceno,
    user_purchase.stock_code AS stockcode,
    user_purchase.detail,
    user_purchase.quantity,
    user_purchase.invoice_date AS invoicedate,
    user_purchase.unit_price AS unitprice,
    user_purchase.customer_id AS customerid,
    user_purchase.country
FROM (
    SELECT midnight
    FROM
        generate_series(
            cast(least %(insert_dates)s AS timestamp), -- noqa: LT01, LT06
            cast(greatest %(insert_dates)s AS timestamp), -- noqa: LT01, LT06
            INTERVAL '1 day'
        ) AS series (midnight)
    ORDER BY midnight
) AS days
INNER JOIN retail.user_purchase
    ON
        days.midnight <= user_purchase.invoice_date
        AND days.midnight + INTERVAL '1 day' > user_purchase.invoice_date
WHERE days.midnight IN %(insert_dates)s AND user_purchase.quantity > 2
ORDER BY days.midnight;
