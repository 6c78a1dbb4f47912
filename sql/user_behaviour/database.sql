-- The source as it is seeded: the lines of the shop's invoices, in PostgreSQL.
-- Grain: a line of an invoice, without a key: equal lines are two lines.
CREATE SCHEMA IF NOT EXISTS retail;

CREATE TABLE IF NOT EXISTS retail.user_purchase (
    invoice_number varchar(10),
    stock_code varchar(20),
    detail varchar(1000),
    quantity int,
    invoice_date timestamp,
    unit_price numeric(8, 3),
    customer_id int,
    country varchar(20)
);

CREATE INDEX IF NOT EXISTS user_purchase_invoice_date ON retail.user_purchase (invoice_date);
