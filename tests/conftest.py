"""What every test can have: servers that live as long as the session, and a project folder of its own."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fixtures_audit import made_world, world  # noqa: F401
from fixtures_emr import emr, emr_process  # noqa: F401
from fixtures_luigid import luigid  # noqa: F401
from fixtures_postgres import database_url, postgres, postgres_url  # noqa: F401
from fixtures_redshift import redshift, redshift_process  # noqa: F401
from fixtures_s3 import aws_keys, ministack  # noqa: F401
from fixtures_seaweedfs import seaweedfs  # noqa: F401
from fixtures_serverless import serverless, serverless_process  # noqa: F401
from fixtures_settings import settings  # noqa: F401
from hypothesis import settings as hypothesis_settings
from project import Project

from pipeline.core.spark import client

# How long an example takes says how busy the machine is.
hypothesis_settings.register_profile("lakeshift", deadline=None)
hypothesis_settings.load_profile("lakeshift")
# A JVM of a test lives for seconds: what pays for itself in longer runs takes a third of its time.
os.environ.setdefault("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")


@pytest.fixture(scope="session")
def spark_run() -> Iterator[Path]:
    """The folder of a run that lasts as long as the session, so that its runs share one Spark driver."""
    folder = client.run_folder()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(client.RUN_FOLDER, str(folder))
        yield folder
    client.stop_driver(folder)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def project(make_project: Callable[[str], Project]) -> Project:
    return make_project("project")


@pytest.fixture
def make_project(
    tmp_path: Path,
    database_url: str,  # noqa: F811
    spark_run: Path,
) -> Callable[[str], Project]:
    """Return a function that makes a project folder; those of one test share its PostgreSQL."""

    def make(name: str) -> Project:
        folder = tmp_path / name
        folder.mkdir()
        return Project(folder, database_url)

    return make
