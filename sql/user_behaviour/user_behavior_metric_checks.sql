-- What public.user_behavior_metric promises of a day, and by how many rows each promise is broken.
-- Grain: a day and a promise that is broken on it. The day's spending is asked for anew, from what was bought.
-- An amount may be 0: the shop gives things away, and books them at a price of 0.
WITH

metric AS (
    SELECT
        insert_date,
        customerid,
        amount_spent,
        review_score,
        review_count
    FROM public.user_behavior_metric
    WHERE insert_date IN %(insert_dates)s
),

reviewer AS (
    SELECT DISTINCT
        insert_date,
        cid
    FROM spectrum.classified_movie_review
    WHERE insert_date IN %(insert_dates)s
),

spending AS (
    SELECT
        purchases.insert_date,
        purchases.customerid,
        purchases.quantity * purchases.unitprice AS amount
    FROM spectrum.user_purchase_staging AS purchases
    INNER JOIN reviewer
        ON
            purchases.insert_date = reviewer.insert_date
            AND cast(purchases.customerid AS varchar(100)) = reviewer.cid
    WHERE purchases.insert_date IN %(insert_dates)s
),

-- What the metric has of a day, and less what there should be.
excess AS (
    SELECT
        insert_date,
        count(*) AS customers,
        coalesce(sum(amount_spent), 0) AS amount
    FROM metric
    GROUP BY insert_date

    UNION ALL

    SELECT
        insert_date,
        -count(DISTINCT customerid) AS customers,
        -coalesce(sum(amount), 0) AS amount
    FROM spending
    GROUP BY insert_date
),

promise AS (
    SELECT
        insert_date,
        'a customer has one row' AS promise,
        count(*) - count(DISTINCT customerid) AS broken_rows
    FROM metric
    GROUP BY insert_date

    UNION ALL

    SELECT
        insert_date,
        'there is a review at least' AS promise,
        count(*) AS broken_rows
    FROM metric
    WHERE coalesce(review_count, 0) < 1
    GROUP BY insert_date

    UNION ALL

    SELECT
        insert_date,
        'the score is between 0 and the number of reviews' AS promise,
        count(*) AS broken_rows
    FROM metric
    WHERE coalesce(review_score, -1) NOT BETWEEN 0 AND coalesce(review_count, 0)
    GROUP BY insert_date

    UNION ALL

    SELECT
        insert_date,
        'the amount is known, and not negative' AS promise,
        count(*) AS broken_rows
    FROM metric
    WHERE coalesce(amount_spent, -1) < 0
    GROUP BY insert_date

    UNION ALL

    SELECT
        insert_date,
        'the customers are those with a purchase and a review' AS promise,
        cast(abs(sum(customers)) AS bigint) AS broken_rows
    FROM excess
    GROUP BY insert_date

    UNION ALL

    SELECT
        insert_date,
        'the amounts add up to what these customers spent' AS promise,
        CASE WHEN sum(amount) = 0 THEN 0 ELSE 1 END AS broken_rows
    FROM excess
    GROUP BY insert_date
)

SELECT
    insert_date,
    promise,
    broken_rows
FROM promise
WHERE broken_rows > 0
ORDER BY insert_date, promise;
