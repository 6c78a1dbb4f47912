-- What the user_behaviour pipeline keeps in the warehouse. The external tables get a partition a day; each
-- partition lies where the lake's manifest of it says.
CREATE EXTERNAL SCHEMA IF NOT EXISTS spectrum
FROM DATA CATALOG
DATABASE 'spectrumdb'
IAM_ROLE %(spectrum_role)s
CREATE EXTERNAL DATABASE IF NOT EXISTS;

-- Purchases of more than two of a thing. Grain: a line of an invoice, without a key: equal lines are two lines.
-- invoicedate is the shop's wall clock, and has no zone. customerid is null where the shop did not know.
CREATE EXTERNAL TABLE spectrum.user_purchase_staging (
    invoiceno varchar(10),
    stockcode varchar(20),
    detail varchar(1000),
    quantity integer,
    invoicedate timestamp,
    unitprice decimal(8, 3),
    customerid integer,
    country varchar(20)
)
PARTITIONED BY (insert_date date)
STORED AS PARQUET
LOCATION '%(lake_root)s/stage/user_purchase/';

-- Grain: a review; a customer may have written several. cid is a whole number.
CREATE EXTERNAL TABLE spectrum.classified_movie_review (
    cid varchar(100),
    positive_review boolean
)
PARTITIONED BY (insert_date date)
STORED AS PARQUET
LOCATION '%(lake_root)s/stage/classified_movie_review/';

-- Grain: a customer with a purchase and a review on the day.
-- amount_spent is in GBP; review_score is the number of positive reviews.
CREATE TABLE IF NOT EXISTS public.user_behavior_metric (
    customerid integer,
    amount_spent decimal(18, 5),
    review_score integer,
    review_count integer,
    insert_date date
)
DISTKEY (customerid)
SORTKEY (insert_date);

-- Always empty, and read by nobody: loads of the table above lock it, one at a time.
CREATE TABLE IF NOT EXISTS public.user_behavior_metric_etl_lock (
    id integer
);
