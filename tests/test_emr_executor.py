"""The twin of EMR runs steps for real, moves their states as EMR does, and refuses what EMR refuses."""

from __future__ import annotations

import gzip
import io
import json
import zipfile

import boto3
import psutil
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError
from fixtures_emr import Emr
from fixtures_s3 import REGION, new_bucket
from processes import wait_until

# Counts rows, and says what it can import.
JOB = b"""
import importlib.util, json, pathlib, sys
from pyspark.sql import SparkSession
import helping
rows = SparkSession.builder.getOrCreate().range(3).count()
path = pathlib.Path(sys.argv[1].removeprefix("file://"))
path.parent.mkdir()
path.write_text(json.dumps({"rows": rows, "word": helping.WORD, "own": bool(importlib.util.find_spec("pipeline"))}))
"""


def step(name: str, *arguments: str, on_failure: str = "CANCEL_AND_WAIT") -> dict:
    jar = {"Jar": "command-runner.jar", "Args": list(arguments)}
    return {"Name": name, "ActionOnFailure": on_failure, "HadoopJarStep": jar}


def add(emr: Emr, *steps: dict, client=None) -> list[str]:
    return (client or emr.client).add_job_flow_steps(JobFlowId=emr.cluster_id, Steps=list(steps))["StepIds"]


def submit(bucket: str, *arguments: str) -> dict:
    where = ["--master", "yarn", "--deploy-mode", "cluster", "--py-files", f"{bucket}/lib.zip"]
    return step("job", "spark-submit", *where, f"{bucket}/job.py", *arguments)


def zipped(module: str, text: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr(f"{module}.py", text)
    return made.getvalue()


def client_that_asks_once(emr: Emr):
    once = Config(retries={"total_max_attempts": 1})
    return boto3.client("emr", endpoint_url=emr.endpoint_url, region_name=REGION, config=once)


@pytest.fixture
def s3(ministack):
    return boto3.client("s3", endpoint_url=ministack, region_name=REGION)


def objects(s3, url: str) -> dict[str, bytes]:
    """Return the content of all objects below a URL, by the rest of their keys."""
    bucket, _, prefix = url.removeprefix("s3://").partition("/")
    keys = [one["Key"] for one in s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", ())]
    return {key.removeprefix(prefix): s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}


def test_steps_run_in_order_and_one_at_a_time(emr):
    emr.stall("second")

    add(emr, step("first", "true"), step("second", "true"), step("third", "true"))
    emr.wait_until_held()
    then = emr.steps()
    emr.release()

    assert then == [("first", "COMPLETED"), ("second", "RUNNING"), ("third", "PENDING")]
    assert emr.wait_until_over() == ["COMPLETED"] * 3


def test_files_go_by_way_of_hdfs_from_s3_to_s3_and_hdfs_is_cleaned(emr, s3, ministack):
    bucket = new_bucket(ministack)
    s3.put_object(Bucket=bucket.removeprefix("s3://"), Key="in/a/1.csv", Body=b"one")
    s3.put_object(Bucket=bucket.removeprefix("s3://"), Key="in/2.txt", Body=b"two")

    add(
        emr,
        step("in", "s3-dist-cp", f"--src={bucket}/in/", "--dest=hdfs:///work/in", r"--srcPattern=.*\.csv"),
        step("out", "s3-dist-cp", "--src", "hdfs:///work/in", "--dest", f"{bucket}/out"),
        step("clean", "hadoop", "fs", "-rm", "-r", "-skipTrash", "hdfs:///work"),
    )

    assert emr.wait_until_over() == ["COMPLETED"] * 3
    assert objects(s3, f"{bucket}/out") == {"/a/1.csv": b"one"}
    assert emr.hdfs() == []


def test_what_was_left_in_hdfs_is_its_own_cluster_s(emr):
    add(
        emr,
        step("leave", "hadoop", "fs", "-mkdir", "hdfs:///left"),
        step("see", "hadoop", "fs", "-test", "hdfs:///left"),
    )
    there = emr.wait_until_over()
    emr.cluster_id = emr.new_cluster()

    add(emr, step("see", "hadoop", "fs", "-test", "hdfs:///left"))

    assert (there, emr.wait_until_over()) == (["COMPLETED"] * 2, ["FAILED"])


def test_a_copy_of_nothing_fails_as_amazon_s_does(emr, ministack):
    add(emr, step("in", "s3-dist-cp", f"--src={new_bucket(ministack)}/in", "--dest=hdfs:///work"))

    assert emr.wait_until_over() == ["FAILED"]


def test_a_step_that_fails_cancels_all_that_waits_and_says_where_its_log_is(emr, s3):
    failing, _ = add(emr, step("bad", "bash", "-c", "echo why >&2; exit 3"), step("next", "true"))

    assert emr.wait_until_over() == ["FAILED", "CANCELLED"]
    told = emr.client.describe_step(ClusterId=emr.cluster_id, StepId=failing)["Step"]["Status"]["FailureDetails"]
    assert told == {"Reason": "Unknown Error.", "LogFile": f"{emr.log_uri}{emr.cluster_id}/steps/{failing}/stderr.gz"}
    assert gzip.decompress(objects(s3, told["LogFile"])[""]) == b"why\n"


def test_a_step_that_may_fail_lets_the_next_one_run(emr):
    add(emr, step("bad", "false", on_failure="CONTINUE"), step("next", "true"))

    assert emr.wait_until_over() == ["FAILED", "COMPLETED"]


def test_a_step_that_is_cancelled_is_ended_with_all_its_processes(emr, tmp_path):
    pid = tmp_path / "pid"
    ids = add(emr, step("long", "bash", "-c", f"sleep 60 & echo $! >{pid}; wait"), step("next", "sleep", "60"))
    wait_until(lambda: pid.exists() and pid.read_text())

    told = emr.client.cancel_steps(ClusterId=emr.cluster_id, StepIds=ids)["CancelStepsInfoList"]

    assert [one["Status"] for one in told] == ["SUBMITTED", "SUBMITTED"]
    assert emr.wait_until_over() == ["CANCELLED", "CANCELLED"]
    wait_until(lambda: not psutil.pid_exists(int(pid.read_text())))


def test_what_has_ended_cannot_be_cancelled(emr):
    ids = add(emr, step("short", "true"))
    emr.wait_until_over()

    [told] = emr.client.cancel_steps(ClusterId=emr.cluster_id, StepIds=ids)["CancelStepsInfoList"]

    assert (told["Status"], told["Reason"]) == ("FAILED", "The step is COMPLETED.")


def test_a_call_whose_answer_is_lost_was_carried_out(emr):
    emr.lose_answer("AddJobFlowSteps")

    with pytest.raises(ConnectionClosedError):
        add(emr, step("one", "true"), client=client_that_asks_once(emr))

    assert emr.wait_until_over() == ["COMPLETED"]


def test_a_throttled_call_is_refused_and_not_carried_out(emr):
    emr.throttle("AddJobFlowSteps")

    with pytest.raises(ClientError, match="ThrottlingException"):
        add(emr, step("one", "true"), client=client_that_asks_once(emr))

    assert emr.steps() == []


def test_steps_are_listed_the_newest_first_in_pages_of_fifty(emr):
    emr.stall("0")
    for number in range(60):
        add(emr, step(str(number), "true"))

    page = emr.client.list_steps(ClusterId=emr.cluster_id, StepStates=["PENDING"])

    assert [one["Name"] for one in page["Steps"]] == [str(number) for number in range(59, 9, -1)]
    emr.terminate()


@pytest.mark.parametrize(
    ("why", "asked"),
    [
        ("Step id 's-1' is not valid", lambda emr: ("describe_step", {"StepId": "s-1"})),
        ("at most 10", lambda emr: ("list_steps", {"StepIds": ["s-1"] * 11})),
    ],
)
def test_what_emr_refuses_is_refused(emr, why, asked):
    name, about = asked(emr)

    with pytest.raises(ClientError, match=why):
        getattr(emr.client, name)(ClusterId=emr.cluster_id, **about)


def test_where_steps_run_side_by_side_a_failure_cannot_cancel_the_others(emr):
    emr.cluster_id = emr.new_cluster(side_by_side=2)

    with pytest.raises(ClientError, match="ActionOnFailure"):
        add(emr, step("one", "true"))


def test_a_cluster_that_dies_takes_its_steps_along_and_takes_no_more(emr):
    add(emr, step("long", "sleep", "60"), step("next", "true"))

    emr.terminate()

    assert emr.wait_until_over() == ["INTERRUPTED", "CANCELLED"]
    with pytest.raises(ClientError, match="may not be modified"):
        add(emr, step("more", "true"))


def test_spark_runs_a_job_for_real_with_nothing_but_its_own_zip(emr, s3, ministack):
    bucket = new_bucket(ministack)
    code = {"job.py": JOB, "lib.zip": zipped("helping", "WORD = 'from the zip'\n")}
    for name, data in code.items():
        s3.put_object(Bucket=bucket.removeprefix("s3://"), Key=name, Body=data)

    add(
        emr,
        submit(bucket, "hdfs:///work/out.json"),
        step("out", "s3-dist-cp", "--src=hdfs:///work", f"--dest={bucket}/out"),
    )

    assert emr.wait_until_over() == ["COMPLETED"] * 2
    assert json.loads(objects(s3, f"{bucket}/out/out.json")[""]) == {"rows": 3, "word": "from the zip", "own": False}


def test_a_job_s_own_words_are_in_its_container_s_log(emr, s3, ministack):
    bucket = new_bucket(ministack)
    s3.put_object(Bucket=bucket.removeprefix("s3://"), Key="job.py", Body=b"raise ValueError('it is broken')")

    add(emr, step("bad", "spark-submit", "--master", "yarn", "--deploy-mode", "cluster", f"{bucket}/job.py"))

    assert emr.wait_until_over() == ["FAILED"]
    below = f"{emr.log_uri}{emr.cluster_id}/"
    logs = {key: gzip.decompress(data).decode() for key, data in objects(s3, below).items()}
    # Spark gives what a Python application says, errors too, to the container's stdout.
    [container] = [text for key, text in logs.items() if key.startswith("containers/") and key.endswith("stdout.gz")]
    assert "ValueError: it is broken" in container
    [said] = [text for key, text in logs.items() if key.startswith("steps/") and key.endswith("stderr.gz")]
    assert "finished with failed status" in said and "ValueError" not in said
