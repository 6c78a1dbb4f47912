"""What the advice to an error of boto3 says is so."""

from __future__ import annotations

import re

import boto3
from botocore.exceptions import NoRegionError

from pipeline.core.aws import explained


def test_the_variable_that_is_to_name_the_region_is_the_one_that_is_read(monkeypatch, tmp_path):
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))

    [advised] = re.findall(r"AWS_\w+", str(explained(NoRegionError(), "S3")))
    monkeypatch.setenv(advised, "eu-west-1")

    assert boto3.Session().region_name == "eu-west-1"
