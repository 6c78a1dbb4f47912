-- What each customer spent on a day, and how that day's reviews of theirs were.
-- Grain: a customer with a purchase and a review on the day. Each side is aggregated before the join, so that
-- neither multiplies the other.
INSERT INTO public.user_behavior_metric (
    customerid,
    amount_spent,
    review_score,
    review_count,
    insert_date
)
WITH

purchases AS (
    SELECT
        customerid,
        sum(quantity * unitprice) AS amount_spent
    FROM spectrum.user_purchase_staging
    WHERE insert_date = %(insert_date)s AND customerid IS NOT NULL
    GROUP BY customerid
),

reviews AS (
    SELECT
        cid,
        sum(CASE WHEN positive_review THEN 1 ELSE 0 END) AS review_score,
        count(*) AS review_count
    FROM spectrum.classified_movie_review
    WHERE insert_date = %(insert_date)s
    GROUP BY cid
)

SELECT
    purchases.customerid,
    purchases.amount_spent,
    reviews.review_score,
    reviews.review_count,
    cast(%(insert_date)s AS date) AS insert_date
FROM purchases
INNER JOIN reviews ON cast(purchases.customerid AS varchar(100)) = reviews.cid;
