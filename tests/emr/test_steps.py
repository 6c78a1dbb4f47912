"""The steps of EMR are data, and what runs here is the line that runs there."""

import importlib
import os
import subprocess

import emr_commands
import pytest

from emr import steps
from emr.traces import deepest
from spark_jobs import job

PLACES = {"input": "/in", "output": "/out", "refused": "/refused", "report": "/report.json", "run_id": "run-1"}
EMR_PLACES = {
    "lake_input": "s3://lake/raw",
    "lake_pattern": ".*",
    "copied": "/in",
    "lake_result": "s3://lake/stage",
    "code": "s3://lake/code",
    "work": "hdfs:///work",
    "result": "hdfs:///work/result",
}
NAME = "classified_movie_review"


def test_the_line_of_a_job_is_its_module_and_its_arguments():
    line = steps.job_line(NAME, PLACES)

    assert line.module == "spark_jobs.classified_movie_review"
    assert job.parse(line.arguments) == job.Options(["/in"], "/out", "/refused", "/report.json", "run-1")


def test_the_module_of_a_line_is_a_job():
    module = importlib.import_module(steps.job_line(NAME, PLACES).module)

    assert callable(module.read) and callable(module.refusal) and callable(module.transform)


def test_the_steps_copy_the_data_in_run_the_job_and_copy_it_out():
    [copy_in, run, copy_out] = [step["HadoopJarStep"]["Args"] for step in steps.load(NAME)]

    assert (copy_in[0], run[0], copy_out[:2]) == ("s3-dist-cp", "spark-submit", ["bash", "-c"])
    assert "&& s3-dist-cp " in copy_out[2]


def test_filled_steps_have_no_place_left():
    [copy_in, run, copy_out] = [
        step["HadoopJarStep"]["Args"] for step in steps.fill(steps.load(NAME), PLACES | EMR_PLACES)
    ]

    assert copy_in == ["s3-dist-cp", "--src=s3://lake/raw", "--dest=/in", "--srcPattern=.*"]
    assert run[-10:] == list(steps.job_line(NAME, PLACES).arguments)
    assert copy_out[-4:] == ["hdfs:///work/result", "s3://lake/stage", "hdfs:///work", "/report.json"]
    assert "{" not in str([copy_in, run, copy_out])


def test_a_place_that_is_filled_with_several_is_an_argument_for_each():
    line = steps.job_line(NAME, PLACES | {"input": ["/one", "/two"]})

    assert job.parse(line.arguments).input == ["/one", "/two"]


def test_a_place_that_is_not_given_is_named():
    with pytest.raises(KeyError, match="output"):
        steps.job_line(NAME, {"input": "/in"})


def test_what_fills_a_place_is_not_filled_again():
    assert steps.fill("{input}", {"input": "{output}", "output": "/out"}) == "{output}"


def test_a_step_that_fails_lets_the_others_of_the_cluster_be():
    # CANCEL_AND_WAIT would cancel all that waits there, of other days too.
    assert {step["ActionOnFailure"] for step in steps.load(NAME)} == {"CONTINUE"}


def test_a_cancelled_job_takes_its_driver_along():
    # In cluster mode the driver is a process of YARN's, which goes on when the step is cancelled.
    [line] = [step["HadoopJarStep"]["Args"] for step in steps.load(NAME) if "spark-submit" in str(step)]

    assert line[line.index("--deploy-mode") + 1] == "client"


def test_what_clears_away_after_a_failure_says_nothing_that_hides_it(tmp_path):
    # What a job had written when it died, which has no report.
    (tmp_path / "hdfs/work/result/_temporary").mkdir(parents=True)
    (tmp_path / "bin").mkdir()
    emr_commands.install(tmp_path / "bin")
    own = {"lake_input": "hdfs:///not-there", "report": "hdfs:///work/result/report.json"}
    filled = steps.fill(steps.load(NAME), PLACES | EMR_PLACES | own)
    path = {"PATH": f"{tmp_path}/bin:{os.environ['PATH']}", "EMR_HDFS": str(tmp_path / "hdfs")}

    line = steps.as_one(filled)["HadoopJarStep"]["Args"]
    ended = subprocess.run(line, env=os.environ | path, capture_output=True, text=True, check=False)

    assert "nothing to copy in hdfs:///not-there" in str(deepest(ended.stderr))
    assert (ended.returncode, ended.stdout) == (1, "")
    assert not (tmp_path / "hdfs/work").exists()
