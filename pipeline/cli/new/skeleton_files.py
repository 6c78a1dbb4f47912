"""The files of a new pipeline, as the skeleton has them, and how they are written: all of them, or none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from string import Template

from pipeline.core.errors import PipelineError

SKELETON = {
    "database.sql": "sql/$name/database.sql",
    "tables.sql": "sql/$name/tables.sql",
    "extract.sql": "sql/$name/$line.sql",
    "fingerprint.sql": "sql/$name/${line}_fingerprint.sql",
    "metric.sql": "sql/$name/$metric.sql",
    "checks.sql": "sql/$name/${metric}_checks.sql",
    "test.py": "tests/test_$name.py",
    "doc.md": "docs/$name.md",
}
WITHOUT_SPARK = {"pipeline.py": "pipeline/$name.py"}
WITH_SPARK = {
    "pipeline_with_spark.py": "pipeline/$name.py",
    "job.py": "spark_jobs/$staged.py",
    "steps.json": "emr/steps/$staged.json",
    "job_test.py": "tests/spark_jobs/test_$staged.py",
}
# What the two say of a row without a kind, and which of their commits is the first of each kind.
SAYS_WITHOUT_SPARK = {
    "commits": "[1, 2, 3]",
    "broken": "the kind is known",
    "refused": "No row is refused by itself: one that cannot be taken fails its day.",
}
SAYS_WITH_SPARK = {
    "commits": "[1, 3, 4]",
    "broken": "rows are refused",
    "refused": "A row without a kind is refused, and kept; above `[lake] max_refused` nothing is committed.",
}


def skeleton_files(names: Mapping[str, str], has_spark: bool) -> dict[str, str]:
    """Return the texts of a new pipeline's files by their paths."""
    more, says = (WITH_SPARK, SAYS_WITH_SPARK) if has_spark else (WITHOUT_SPARK, SAYS_WITHOUT_SPARK)
    skeleton, places = files("pipeline.cli.new") / "skeleton", {**names, **says}
    texts = {path: (skeleton / f"{file}.tmpl").read_text("utf-8") for file, path in (SKELETON | more).items()}
    return {Template(path).substitute(names): Template(text).substitute(places) for path, text in texts.items()}


def write(folder: Path, written: Mapping[str, str], changed: Mapping[str, str]) -> None:
    """Write files that are not there yet, and change others. Raises PipelineError where one of the first is there."""
    for path in written:
        if (folder / path).exists():
            raise PipelineError(f"{folder / path} is there already, so nothing was written. Choose another name.")
    with _all_or_nothing(folder, written, changed):
        for path, text in written.items():
            (folder / path).parent.mkdir(exist_ok=True)
            with (folder / path).open("x", encoding="utf-8") as file:
                file.write(text)
        for path, text in changed.items():
            (folder / path).write_text(text, encoding="utf-8")


@contextmanager
def _all_or_nothing(folder: Path, written: Mapping[str, str], changed: Mapping[str, str]) -> Iterator[None]:
    """Have what is written be gone, and what is changed be as it was, if something is in the way."""
    before = {folder / path: (folder / path).read_bytes() for path in changed}
    folders = {(folder / path).parent for path in written if not (folder / path).parent.exists()}
    try:
        yield
    except BaseException:
        for path in written:
            (folder / path).unlink(missing_ok=True)
        for made in folders:
            if made.exists():
                made.rmdir()
        for file, content in before.items():
            file.write_bytes(content)
        raise
