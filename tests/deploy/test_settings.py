"""deploy/aws.cfg, and what the host's installation gives it."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from cloudformation import DEPLOY, resources
from fixtures_luigid import DAEMON
from fixtures_s3 import free_port
from fixtures_settings import settings_file
from luigi.rpc import RemoteScheduler

from pipeline.core import config
from pipeline.core.database import database
from pipeline.core.errors import SettingError
from pipeline.core.luigi_settings import set_defaults
from pipeline.core.warehouse import warehouse

SETTINGS = DEPLOY / "aws.cfg"
NAMED = re.compile(r"\$\{(\w+)\}")
INSTALL = (DEPLOY / "host/install.sh").read_text()
MADE = {
    "LAKESHIFT_BUCKET": "lake-1",
    "LAKESHIFT_WAREHOUSE": "lakeshift.123456789012.eu-west-1.redshift-serverless.amazonaws.com",
    "LAKESHIFT_DATABASE": "db.eu-west-1.rds.amazonaws.com",
    "LAKESHIFT_DATABASE_SECRET": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:rds!db-1-x",
    "LAKESHIFT_SUBNETS": "subnet-0a1,subnet-0b2,subnet-0c3",
    "LAKESHIFT_NODE_GROUP": "sg-0a1",
    "LAKESHIFT_EMR_GROUP": "sg-0b2",
    "LAKESHIFT_EMR_ROLE": "lakeshift-Emr-ServiceRole-1",
    "LAKESHIFT_NODE_PROFILE": "lakeshift-Emr-NodeProfile-1",
    "LAKESHIFT_EMR_SECURITY": "SecurityConfiguration-1",
    "LAKESHIFT_APPLICATION": "00f1abcdexample0",
    "LAKESHIFT_JOB_ROLE": "arn:aws:iam::123456789012:role/lakeshift-Emr-JobRole-1",
    "LAKESHIFT_TOPIC": "arn:aws:sns:eu-west-1:123456789012:lakeshift-Alerts-Topic-1",
    "LAKESHIFT_PROJECT": "2304_Stock_Prices",
    "LAKESHIFT_MONITORED": "lakeshift-markers-123456789012-eu-west-1",
}


@pytest.fixture
def on_the_host(monkeypatch):
    for name, value in MADE.items():
        monkeypatch.setenv(name, value)
    with settings_file(SETTINGS):
        yield


def test_the_settings_are_read_and_are_whole(on_the_host):
    config.check()

    assert config.lake().root == "s3://lake-1/lake"
    assert config.user_behaviour().review_feed == "s3://lake-1/inbox/movie_review.csv"
    assert str(warehouse()) == f"Redshift at {MADE['LAKESHIFT_WAREHOUSE']}:5439/lakeshift"
    assert str(database()) == f"PostgreSQL at {MADE['LAKESHIFT_DATABASE']}:5432/lakeshift"
    assert config.database().secret_id == MADE["LAKESHIFT_DATABASE_SECRET"]
    assert (config.jobs().runner, config.emr().service_role) == ("emr", MADE["LAKESHIFT_EMR_ROLE"])
    assert config.stocks().source == "s3://lake-1/inbox/stocks"
    assert config.stocks().monitored == f"s3://{MADE['LAKESHIFT_MONITORED']}"
    assert config.alerts().sns_topic_arn == MADE["LAKESHIFT_TOPIC"]
    assert config.alerts().project == "2304_Stock_Prices"


def test_a_name_that_the_host_was_not_given_is_told(on_the_host, monkeypatch):
    monkeypatch.delenv("LAKESHIFT_BUCKET")

    with pytest.raises(SettingError, match=r"\[lake\] root.*LAKESHIFT_BUCKET"):
        config.check()


def test_a_run_waits_for_a_scheduler_that_is_restarted(on_the_host, tmp_path):
    set_defaults()
    port = free_port()
    slow = f"import time; time.sleep(3); {DAEMON}"
    place = ["--address", "127.0.0.1", "--port", str(port), "--state-path", str(tmp_path / "state")]

    with subprocess.Popen([sys.executable, "-c", slow, *place], stderr=subprocess.DEVNULL) as restarted:
        try:
            answer = RemoteScheduler(f"http://127.0.0.1:{port}").ping(worker="a run under way")
        finally:
            restarted.kill()

    assert answer == {"rpc_messages": []}


def test_the_host_is_given_every_name_that_the_settings_take():
    document = dict(resources("AWS::SSM::Document"))["InstallDocument"]
    [command] = document["Content"]["mainSteps"][0]["inputs"]["runCommand"]
    wanted = set(NAMED.findall(SETTINGS.read_text()))

    assert wanted == set(MADE)
    assert wanted <= set(re.findall(r"(\w+)=\$\{\w+\}", command["Fn::Sub"]))
    assert wanted <= set(re.findall(r"^(\w+)=\$\1$", INSTALL, re.MULTILINE))


def test_the_settings_name_files_where_the_installation_puts_them():
    assert 'aws.cfg" "$here/rds-ca.pem" /etc/lakeshift' in INSTALL
    assert "sslrootcert=/etc/lakeshift/rds-ca.pem" in SETTINGS.read_text()
    assert "LUIGI_CONFIG_PATH=/etc/lakeshift/aws.cfg" in INSTALL


@pytest.mark.parametrize("script", ["release.sh", "host/install.sh", "host/switch.sh", "host/lakeshift-env"])
def test_a_script_can_be_read_by_bash(script):
    read = subprocess.run(["bash", "-n", DEPLOY / script], capture_output=True, text=True)

    assert (read.returncode, read.stderr) == (0, "")


def test_every_command_of_cron_is_one_that_there_is():
    lines = (DEPLOY / "host/lakeshift.cron").read_text().splitlines()
    commands = [line.split("lakeshift-env ")[1] for line in lines if "lakeshift-env " in line]

    assert [command.split()[0] for command in commands] == ["luigi", "lakeshift"]
    assert "UserBehaviourMetric --date $(date -d yesterday +\\%F)" in commands[0]
