-- A day's purchases of more than two of a thing, under the names that the staged files have. For PostgreSQL.
-- Grain: a line of an invoice.
SELECT
    invoice_number AS invoiceno,
    stock_code AS stockcode,
    detail,
    quantity,
    invoice_date AS invoicedate,
    unit_price AS unitprice,
    customer_id AS customerid,
    country
FROM retail.user_purchase
WHERE
    invoice_date >= cast(%(insert_date)s AS date)
    AND invoice_date < cast(%(insert_date)s AS date) + INTERVAL '1 day'
    AND quantity > 2;
