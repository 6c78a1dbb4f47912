"""A built wheel carries all that a run needs, and runs from anywhere."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile

import pytest
from project import DAY, ROOT
from sample import DAY_ROWS, given_a_day


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    # A copy, since setuptools would also pack what an earlier build left in the checkout.
    for name in ("pipeline", "spark_jobs", "emr", "sql"):
        shutil.copytree(ROOT / name, folder / "source" / name)
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder / "source")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder)]
    subprocess.run([*command, str(folder / "source")], check=True, capture_output=True)
    [path] = folder.glob("lakeshift-*.whl")
    return zipfile.ZipFile(path)


def test_a_wheel_contains_the_sql_the_steps_and_the_jobs(wheel):
    names = set(wheel.namelist())

    for pattern in ("sql/**/*.sql", "emr/**/*.json", "spark_jobs/*.py", "pipeline/**/*.py", "pipeline/**/*.tmpl"):
        wanted = {str(path.relative_to(ROOT)) for path in ROOT.glob(pattern)}
        assert wanted
        assert wanted <= names
    assert not [name for name in names if name.startswith("tests/")]


def test_a_wheel_runs_the_main_job_outside_the_checkout(wheel, project, tmp_path):
    given_a_day(project)
    wheel.extractall(tmp_path / "installed")
    project.environment["PYTHONPATH"] = str(tmp_path / "installed")

    place = project.run(sys.executable, "-c", "import pipeline, sql, emr; print(pipeline.__file__, sql.__file__)")
    done = project.metric_of(DAY)

    assert str(ROOT) not in place.output
    assert done.code == 0, done.output
    assert project.metric() == DAY_ROWS
