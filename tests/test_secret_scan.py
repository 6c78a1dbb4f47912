"""The search for secrets that CI runs finds them, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from project import ROOT

# In two parts, since this file is searched too.
KEY = "AKIA" + "QYLPMN5HXM3Z7T2B"
WORD = "hunter" + "2hunter2"


@pytest.fixture
def scan(tmp_path):
    """Return a function that searches a checkout with one file, and returns how that ended."""
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

    def search(name: str, text: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / name).write_text(text)
        return subprocess.run(
            [ROOT / ".ci/secrets"], cwd=tmp_path, env=os.environ | {"PATH": path}, capture_output=True, text=True
        )

    return search


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("luigi.cfg", f"[database]\nurl = postgresql://luigi:{WORD}@db/shop\n"),
        ("aws.cfg", f"[database]\npassword = {WORD}\n"),
        ("release.sh", f"export AWS_ACCESS_KEY_ID={KEY}\n"),
        ("key.pem", "-----BEGIN RSA " + "PRIVATE KEY-----\n"),
    ],
)
def test_a_secret_is_found_and_its_place_is_told_and_not_what_it_is(scan, name, text):
    done = scan(name, text)

    assert done.returncode != 0
    assert name in done.stdout
    assert WORD not in done.stdout
    assert KEY not in done.stdout


def test_a_setting_that_names_a_variable_or_a_secret_is_none(scan):
    done = scan("aws.cfg", "[database]\nurl = postgresql://luigi:${PASSWORD}@db/shop\nsecret_id = rds-lakeshift\n")

    assert done.returncode == 0, done.stdout


def test_what_is_no_checkout_is_not_passed_over(scan, tmp_path):
    (tmp_path / ".git").rename(tmp_path / "gone")

    assert scan("luigi.cfg", "[database]\n").returncode != 0
