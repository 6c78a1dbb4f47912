"""What the host's installation leaves there."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from cloudformation import DEPLOY

HOST = DEPLOY / "host"
INSTALL = (HOST / "install.sh").read_text()
ENVIRONMENT = dict(re.findall(r"^([A-Z_]+)=(.*)$", INSTALL.split("<<END")[1].split("\nEND")[0], re.MULTILINE))


def install(root: Path, name: str) -> None:
    """Put a release there as install.sh does, and in force."""
    for folder in ("venv", "release"):
        (root / folder / name).mkdir(parents=True, exist_ok=True)
    subprocess.run([HOST / "switch.sh", root, name], check=True)


def installed(root: Path) -> set[str]:
    assert {path.name for path in (root / "venv").iterdir()} == {path.name for path in (root / "release").iterdir()}
    return {path.name for path in (root / "venv").iterdir()}


def test_the_release_in_force_and_the_one_before_it_are_kept(tmp_path):
    for name in ("v1", "v2", "v3"):
        install(tmp_path, name)

    assert installed(tmp_path) == {"v2", "v3"}
    assert (tmp_path / "current").resolve() == tmp_path / "venv/v3"
    assert (tmp_path / "previous").resolve() == tmp_path / "venv/v2"


def test_a_release_that_is_installed_again_leaves_the_one_before_it(tmp_path):
    for name in ("v1", "v2", "v2"):
        install(tmp_path, name)

    assert installed(tmp_path) == {"v1", "v2"}
    assert (tmp_path / "previous").resolve() == tmp_path / "venv/v1"


def test_the_way_back_to_the_release_before_is_the_same(tmp_path):
    for name in ("v1", "v2", "v1"):
        install(tmp_path, name)

    assert installed(tmp_path) == {"v1", "v2"}
    assert (tmp_path / "current").resolve() == tmp_path / "venv/v1"


def test_what_is_installed_is_put_in_force():
    assert "venv=/opt/lakeshift/venv/$1" in INSTALL
    assert 'bash "$here/switch.sh" /opt/lakeshift "$1"' in INSTALL
    assert ENVIRONMENT["PATH"].startswith("/opt/lakeshift/current/bin:")


@pytest.mark.parametrize("name", ["TMPDIR", "SPARK_LOCAL_DIRS"])
def test_what_jobs_work_on_is_on_the_disk_and_is_cleaned(name):
    [made] = re.findall(r"^d (\S+) 0700 lakeshift lakeshift \d+d$", (HOST / "lakeshift.tmpfiles").read_text(), re.M)

    assert ENVIRONMENT[name] == made


def test_the_logs_are_rotated_where_they_are():
    settings = (DEPLOY / "aws.cfg").read_text()
    [folder] = re.findall(r"^file = (.*)/\w+\.log$", settings, re.M)
    rotated = (HOST / "lakeshift.logrotate").read_text()

    assert f"\n{folder}/*.log {{\n" in rotated
    assert "\n    create 0640 lakeshift lakeshift\n" in rotated


@pytest.mark.parametrize("file", ["lakeshift.cron", "lakeshift.tmpfiles", "lakeshift.logrotate"])
def test_each_file_is_installed_where_it_says(file):
    [place] = re.findall(r"^# Installed as (\S+?)[.;] ", (HOST / file).read_text())

    assert f'"$here/{file}" {place}\n' in INSTALL
