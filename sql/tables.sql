-- Which partitions of which tables are loaded, and by what: a partition is complete when its row is here.
-- Grain: one row a table and partition. Nothing enforces that (Redshift keeps no keys): the order of the load does.
-- Times are UTC. rerun_requested_at is null unless somebody asked for the partition again since it was loaded.
CREATE TABLE IF NOT EXISTS public.etl_load (
    table_name varchar(200),
    partition_key varchar(100),
    attempt varchar(100),
    inputs varchar(65535),
    row_count bigint,
    code_version varchar(100),
    task_id varchar(500),
    loaded_at timestamp,
    rerun_requested_at timestamp
);
