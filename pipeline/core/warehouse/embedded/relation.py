"""What a statement reads for an external table: the files of the partitions that its conditions select."""

from __future__ import annotations

import sqlglot
from sqlglot import exp

from pipeline.core.errors import PipelineError
from pipeline.core.sql_text import opening
from pipeline.core.warehouse.embedded.catalogue import Catalogue, ExternalTable, cast, quoted
from pipeline.core.warehouse.embedded.literals import with_values
from pipeline.core.warehouse.embedded.places import check_types, data_files, let_read
from pipeline.core.warehouse.embedded.pruning import conditions_on
from pipeline.core.warehouse.statements import TableName

READ_PARTS = {"this", "db", "catalog", "alias"}


class Relations:
    """Puts files in the place of the external tables of one statement."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue

    def rewrite(self, tree: exp.Expr) -> exp.Expr:
        """Return a statement that reads files where it read external tables."""
        for node in list(tree.find_all(exp.Table)):
            if not self.catalogue.has_schema(node.db.lower()):
                continue
            table = self.catalogue.table(TableName(node.db.lower(), node.name.lower()))
            if not _is_read(node) or _is_view(tree):
                raise PipelineError(f"{opening(tree.sql('redshift'))}: {table.name} is external, and can only be read.")
            alias = node.args.get("alias") or exp.TableAlias(this=exp.to_identifier(node.name))
            node.replace(exp.Subquery(this=self._query(table, node), alias=alias))
        return tree

    def _query(self, table: ExternalTable, node: exp.Table) -> exp.Expr:
        files, *keys = self._files(table, node)
        if not files:
            columns = [cast("NULL", column) for column in table.all_columns]
            return _parsed(f"SELECT {', '.join(columns)} WHERE FALSE")
        values: dict[str, list] = {"file": sorted(set(files)), "place": files}
        columns = [cast(quoted(column.name), column) for column in table.columns]
        reading = "read_parquet($file, filename = '_file', hive_partitioning = false)"
        if not table.keys:
            return with_values(_parsed(f"SELECT {', '.join(columns)} FROM {reading}"), values)  # noqa: S608
        lists = ["unnest($place) AS _file"]
        for number, key in enumerate(table.keys):
            values[f"key_{number}"] = keys[number]
            lists.append(f"unnest($key_{number}) AS {quoted(key.name)}")
        columns += [quoted(key.name) for key in table.keys]
        query = f"SELECT {', '.join(columns)} FROM {reading} JOIN (SELECT {', '.join(lists)}) USING (_file)"  # noqa: S608
        return with_values(_parsed(query), values)

    def _files(self, table: ExternalTable, node: exp.Table) -> list[list]:
        """Return the files to read and, beside them, a list for each key with its value for each file."""
        partitions = self._partitions(table, node) if table.keys else [(table.location,)]
        # Partitions may lie at the same place. What lies at one place was written by one attempt, with one schema.
        found = {location: data_files(location) for location in dict.fromkeys(row[0] for row in partitions)}
        let_read(self.catalogue.connection, found)
        check_types(self.catalogue.connection, table, [files[-1] for files in found.values()])
        rows = [(file, *values) for location, *values in partitions for file in found[location]]
        return [list(column) for column in zip(*rows, strict=True)] or [[]]

    def _partitions(self, table: ExternalTable, node: exp.Table) -> list[tuple]:
        """Return location and key values of each partition that fulfils the statement's conditions on the keys."""
        values = [cast(f"keys[{number}]", key) for number, key in enumerate(table.keys, start=1)]
        query = _parsed(
            f"SELECT * FROM (SELECT location, {', '.join(values)} FROM catalogue.external_partition"  # noqa: S608
            f" WHERE schemaname = $schema AND tablename = $name) AS {quoted(node.alias_or_name)}"
        )
        query = with_values(query, table.name._asdict())
        for condition in conditions_on(node, {key.name for key in table.keys}):
            query = query.where(condition.copy())
        return self.catalogue.connection.execute(query.sql("duckdb")).fetchall()


def _parsed(query: str) -> exp.Select:
    return sqlglot.parse_one(query, read="duckdb", into=exp.Select)


def _is_view(tree: exp.Expr) -> bool:
    return isinstance(tree, exp.Create) and tree.kind == "VIEW"


def _is_read(node: exp.Table) -> bool:
    is_source = isinstance(node.parent, (exp.From, exp.Join)) or node.arg_key == "using"
    return is_source and not any(value for key, value in node.args.items() if key not in READ_PARTS)
