-- Adds a line of a company's file to the table. The pipeline runs it as the COPY of these columns, for all lines of the
-- day at once, into the rows that are to be swapped in.
INSERT INTO public.historical_stocks_data (
    stock_date,
    open_value,
    high_value,
    low_value,
    close_value,
    volume_traded,
    daily_percent_change,
    value_change,
    company_name
)
VALUES (
    %(stock_date)s,
    %(open_value)s,
    %(high_value)s,
    %(low_value)s,
    %(close_value)s,
    %(volume_traded)s,
    %(daily_percent_change)s,
    %(value_change)s,
    %(company_name)s
);
