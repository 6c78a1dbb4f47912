-- What each customer spent on a day, and how that day's reviews of theirs were.
-- Grain: a day and a customer with a purchase and a review on it. Each side is aggregated before the join, so that
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
        insert_date,
        customerid,
        sum(quantity * unitprice) AS amount_spent
    FROM spectrum.user_purchase_staging
    WHERE insert_date IN %(insert_dates)s AND customerid IS NOT NULL
    GROUP BY insert_date, customerid
),

reviews AS (
    SELECT
        insert_date,
        cid,
        sum(CASE WHEN positive_review THEN 1 ELSE 0 END) AS review_score,
        count(*) AS review_count
    FROM spectrum.classified_movie_review
    WHERE insert_date IN %(insert_dates)s
    GROUP BY insert_date, cid
)

SELECT
    purchases.customerid,
    purchases.amount_spent,
    reviews.review_score,
    reviews.review_count,
    purchases.insert_date
FROM purchases
INNER JOIN reviews
    ON
        purchases.insert_date = reviews.insert_date
        AND cast(purchases.customerid AS varchar(100)) = reviews.cid;
