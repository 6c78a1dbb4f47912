"""`lakeshift new` writes a pipeline that works, and has its tests and passes the linters as it is."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from project import ROOT

import pipeline
from pipeline.cli.new.names import singular

BIN = Path(sys.executable).parent
# The longest name that there may be.
LONGEST = "warehouse_temperature_readings"
NEW = {
    "orders": ("orders",),
    LONGEST: (LONGEST, "--spark"),
}


@pytest.fixture
def checkout(lakeshift, tmp_path, monkeypatch):
    """The folder of a copy of the project, into which the command writes."""
    folder = tmp_path / "checkout"
    shutil.copytree(
        ROOT, folder, ignore=shutil.ignore_patterns("__pycache__", ".*", "venv", "data", "build", "*.egg-info")
    )
    monkeypatch.setattr(pipeline, "__file__", str(folder / "pipeline/__init__.py"))
    monkeypatch.setattr(pipeline, "__path__", [str(folder / "pipeline")])
    return folder


def texts(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def check(checkout, *command):
    """Run a tool of the project in the copy, and have its verdict be a good one."""
    environment = os.environ | {"PYTHONPATH": str(checkout)}
    line = [str(BIN / command[0]), *command[1:]]
    done = subprocess.run(line, cwd=checkout, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def check_tests(checkout, *which):
    check(checkout, "python", "-m", "pytest", "-q", "-p", "no:cacheprovider", *which)


@pytest.mark.parametrize("name", NEW)
def test_what_is_written_is_as_the_linters_ask(lakeshift, checkout, name):
    found = json.loads(lakeshift("new", *NEW[name], "--json").out)

    python = [path for path in found["written"] + found["changed"] if path.endswith(".py")]
    check(checkout, "ruff", "check", *python)
    check(checkout, "ruff", "format", "--check", *python)
    check(checkout, "sqlfluff", "lint", f"sql/{name}")
    assert len(found["written"]) == (12 if "--spark" in NEW[name] else 9)


def test_a_day_of_a_new_pipeline_is_made_and_a_broken_one_is_refused(lakeshift, checkout):
    lakeshift("new", "orders")

    check_tests(checkout, "tests/test_orders.py", "-k", "a_day_goes or without_a_kind")


@pytest.mark.faults
@pytest.mark.parametrize("name", NEW)
def test_a_new_pipeline_passes_all_of_its_tests(lakeshift, checkout, name):
    found = json.loads(lakeshift("new", *NEW[name], "--json").out)

    layers = checkout / "pyproject.toml"
    layers.write_text(layers.read_text().replace('| pipeline.stocks"', f'| pipeline.stocks | pipeline.{name}"'))
    check(checkout, "lint-imports")
    check(checkout, "mypy")
    check_tests(checkout, *(path for path in found["written"] if path.startswith("tests/")), "tests/test_docs.py")


def test_what_was_written_and_is_to_be_done_by_hand_is_said(lakeshift, checkout):
    done = lakeshift("new", "deliveries")

    lines = done.out.splitlines()
    assert lines[0] == f"In {checkout}; one of deliveries is called delivery"
    assert "written  sql/deliveries/delivery_metric.sql" in lines
    assert "changed  luigi.cfg" in lines
    assert "by hand  README.md: a line with a link to docs/deliveries.md" in lines
    assert lines[-1] == ("Next: luigi --module pipeline.deliveries DeliveryMetric --date 2010-12-01 --local-scheduler")


@pytest.mark.parametrize("taken", ["docs/orders.md", "sql/orders/order_metric.sql", "pipeline/orders.py"])
def test_nothing_is_written_over_and_then_nothing_is_written_at_all(lakeshift, checkout, taken):
    (checkout / taken).parent.mkdir(exist_ok=True)
    (checkout / taken).write_text("mine")
    before = texts(checkout)

    done = lakeshift("new", "orders")

    assert (done.code, "is there already" in done.err) == (1, True)
    assert texts(checkout) == before


def test_what_fails_in_the_middle_leaves_nothing(lakeshift, checkout, monkeypatch):
    before, write_text = texts(checkout), Path.write_text

    def fill_the_disk(path, text, **options):
        write_text(path, text[:9], **options)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", fill_the_disk)

    done = lakeshift("new", "orders")

    assert (done.code, "No space left" in done.err) == (1, True)
    assert texts(checkout) == before
    assert not (checkout / "sql/orders").exists()


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("Orders", "small letters"),
        ("class", "word of Python"),
        ("a__b", "single _"),
        (f"{LONGEST}s", "2 to 30"),
        ("../orders", "small letters"),
        ("user_behaviour", "means something else"),
        ("time", "means something else"),
        ("scheduler", "means something else"),
        ("cli", "is a package already"),
    ],
)
def test_a_name_that_cannot_be_one_is_refused_with_the_reason(lakeshift, checkout, name, why):
    before = texts(checkout)

    done = lakeshift("new", name)

    assert (done.code, why in done.err) == (1, True), done.err
    assert texts(checkout) == before


def test_two_pipelines_of_equal_things_need_names_for_them(lakeshift, checkout):
    lakeshift("new", "orders")

    refused, named = lakeshift("new", "order"), lakeshift("new", "order", "--one", "purchase")

    assert "There is a task OrderLine already. Say with --one NAME" in refused.err
    assert (named.code, (checkout / "sql/order/purchase_metric.sql").exists()) == (0, True)


def test_without_a_checkout_nothing_is_written(lakeshift, checkout):
    (checkout / "pyproject.toml").unlink()

    assert f"{checkout} is no checkout of the project" in lakeshift("new", "orders").err


@pytest.mark.parametrize(
    ("many", "one"),
    [
        ("orders", "order"),
        ("deliveries", "delivery"),
        ("boxes", "box"),
        ("classes", "class"),
        ("branches", "branch"),
        ("weather", "weather"),
        ("traffic_status", "traffic_status"),
        ("access", "access"),
    ],
)
def test_one_of_many_is_called_after_them(many, one):
    assert singular(many) == one
