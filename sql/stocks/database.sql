-- What the stocks pipeline keeps in PostgreSQL: one snapshot, the whole result of the last day that was loaded.
-- Grain: a line of a company's file, in the order of the list and of the files. It has no key: a file may have a date
-- twice. The one partition below it is swapped for another, so that what depends on the table stays.
-- Prices are in the currency of the exchange. daily_percent_change is null where open_value is 0.
CREATE TABLE IF NOT EXISTS public.historical_stocks_data (
    stock_date date,
    open_value numeric(18, 6),
    high_value numeric(18, 6),
    low_value numeric(18, 6),
    close_value numeric(18, 6),
    volume_traded bigint,
    daily_percent_change double precision,
    value_change numeric(18, 6),
    company_name text
) PARTITION BY LIST (company_name);

-- Always empty; whoever loads historical_stocks_data locks it first.
CREATE TABLE IF NOT EXISTS public.historical_stocks_data_etl_lock (is_locked boolean);

-- The same with the types, and the spelling of numbers, that were published.
CREATE OR REPLACE VIEW public.historical_stocks_data_text AS
SELECT
    stock_date::varchar(56) AS stock_date,
    trim_scale(open_value)::varchar(56) AS open_value,
    trim_scale(high_value)::varchar(56) AS high_value,
    trim_scale(low_value)::varchar(56) AS low_value,
    trim_scale(close_value)::varchar(56) AS close_value,
    volume_traded::varchar(56) AS volume_traded,
    daily_percent_change::varchar(56) AS daily_percent_change,
    trim_scale(value_change)::varchar(56) AS value_change,
    company_name::varchar(56) AS company_name
FROM public.historical_stocks_data;
