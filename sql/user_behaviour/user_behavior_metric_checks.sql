-- What public.user_behavior_metric promises of a day, and by how many rows each promise is broken.
-- Grain: a broken promise. The day's spending is asked for anew, without the join that made the table.
-- An amount may be 0: the shop gives things away, and books them at a price of 0.
WITH

metric AS (
    SELECT
        customerid,
        amount_spent,
        review_score,
        review_count
    FROM public.user_behavior_metric
    WHERE insert_date = %(insert_date)s
),

reviewer AS (
    SELECT cid
    FROM spectrum.classified_movie_review
    WHERE insert_date = %(insert_date)s
),

spending AS (
    SELECT
        customerid,
        quantity * unitprice AS amount
    FROM spectrum.user_purchase_staging
    WHERE
        insert_date = %(insert_date)s
        AND cast(customerid AS varchar(100)) IN (SELECT reviewer.cid FROM reviewer)
),

promise AS (
    SELECT
        'a customer has one row' AS promise,
        count(*) - count(DISTINCT customerid) AS broken_rows
    FROM metric

    UNION ALL

    SELECT
        'there is a review at least' AS promise,
        count(*) AS broken_rows
    FROM metric
    WHERE coalesce(review_count, 0) < 1

    UNION ALL

    SELECT
        'the score is between 0 and the number of reviews' AS promise,
        count(*) AS broken_rows
    FROM metric
    WHERE coalesce(review_score, -1) NOT BETWEEN 0 AND coalesce(review_count, 0)

    UNION ALL

    SELECT
        'the amount is known, and not negative' AS promise,
        count(*) AS broken_rows
    FROM metric
    WHERE coalesce(amount_spent, -1) < 0

    UNION ALL

    SELECT
        'the customers are those with a purchase and a review' AS promise,
        abs((SELECT count(*) FROM metric) - (SELECT count(DISTINCT customerid) FROM spending)) AS broken_rows

    UNION ALL

    SELECT
        'the amounts add up to what these customers spent' AS promise,
        CASE
            WHEN
                (SELECT coalesce(sum(amount_spent), 0) FROM metric)
                = (SELECT coalesce(sum(amount), 0) FROM spending)
                THEN 0
            ELSE 1
        END AS broken_rows
)

SELECT
    promise,
    broken_rows
FROM promise
WHERE broken_rows > 0;
