"""Shows what one partition was made of, and why it is stale."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

from pipeline.cli.completion import Task
from pipeline.cli.console import show_tree
from pipeline.cli.output import answers
from pipeline.cli.spans import Date, Params, node_record, span_of
from pipeline.core.errors import PipelineError, one_line

if TYPE_CHECKING:
    import luigi
    from rich.tree import Tree

    from pipeline.core.staleness import Node


def _show(answer: Mapping[str, Any]) -> None:
    show_tree(_tree(answer))


@answers(_show)
def explain(
    task: Annotated[str, Task],
    date: Annotated[str, Date],
    params: Annotated[str | None, Params] = None,
) -> dict[str, Any]:
    """Show what a partition was made of: by which attempts, when and by what code; and where it is stale, why."""
    from pipeline.core.staleness import survey

    [root] = span_of(task, None, None, date, params).tasks()
    return _record(root, survey([root]))


def _record(task: luigi.Task, nodes: Mapping[luigi.Task, Node]) -> dict[str, Any]:
    from pipeline.core.version import code_version

    node, here = nodes[task], code_version()
    commit, now = node.commit, node.source
    return {
        **node_record(node),
        "made_at": commit.made_at or None if commit else None,
        "rows": commit.rows if commit else {},
        "code_version": commit.code_version or None if commit else None,
        "code_version_here": here,
        "superseded_by": commit.superseded_by or None if commit else None,
        "inputs": commit.inputs if commit else [],
        "source_now": dict(now) if isinstance(now, Mapping) else None,
        "source_error": one_line(now) if isinstance(now, PipelineError) else None,
        "needs": [_record(one, nodes) for one in node.needs],
    }


def _tree(record: Mapping[str, Any]) -> Tree:
    from rich.text import Text
    from rich.tree import Tree

    tree = Tree(Text("\n".join(_lines(record))))
    for one in record["needs"]:
        tree.add(_tree(one))
    return tree


def _lines(record: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is said of a partition."""
    yield f"{record['task']} {record['output']}: {record['status'].value}"
    if cause := record["cause"]:
        detail = f" ({cause['detail']})" if cause["detail"] else ""
        yield f"because {cause['cause']}: {cause['at']}{detail}"
    if record["superseded_by"]:
        yield f"superseded by {record['superseded_by']}"
    if record["attempt"]:
        yield _made(record)
    # What only points at an attempt has said which.
    for read in (one for one in record["inputs"] if not one.attempt or one.attempt != record["attempt"]):
        name = " ".join(filter(None, (read.name, read.partition)))
        was = read.attempt or ", ".join(f"{key} {value}" for key, value in read.fingerprint.items())
        yield f"of {name}: {was or 'another place'}"
    if record["source_error"]:
        yield f"whether the source has changed is not known: {record['source_error']}"


def _made(record: Mapping[str, Any]) -> str:
    rows = ", ".join(f"{name} {count:,}" for name, count in record["rows"].items())
    code, here = record["code_version"], record["code_version_here"]
    by = f"code {code}" + ("" if code == here else f" (here is {here})") if code else ""
    made_at = f"at {record['made_at']}" if record["made_at"] else ""
    return "; ".join(filter(None, (" ".join(filter(None, (f"by attempt {record['attempt']}", made_at))), rows, by)))
