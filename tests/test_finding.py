"""Tasks are found by their names, over all pipelines and in modules of one's own."""

from __future__ import annotations

import luigi
import pytest

from pipeline.core.errors import PipelineError
from pipeline.finding import all_task_classes, name_of_class, pipelines, task_class
from pipeline.user_behaviour import UserBehaviourMetric


class Own(luigi.Task):
    """A task of a module that is no pipeline."""


def test_pipelines_are_the_modules_that_define_tasks_and_no_others():
    assert {"stocks", "user_behaviour"} <= set(pipelines())
    assert not {"cli", "core", "finding", "backfill"} & set(pipelines())
    assert {kind.__module__.rpartition(".")[2] for kind in all_task_classes()} <= set(pipelines())


@pytest.mark.parametrize("name", ["UserBehaviourMetric", "pipeline.user_behaviour.UserBehaviourMetric"])
def test_a_task_of_a_pipeline_is_found_with_its_module_or_without(name):
    assert task_class(name) is UserBehaviourMetric
    assert name_of_class(UserBehaviourMetric) == "UserBehaviourMetric"


def test_a_task_of_ones_own_is_found_by_its_module():
    assert task_class(name_of_class(Own)) is Own
    assert task_class("Own") is Own


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Metric", "There is no task Metric. There are: .*UserBehaviourMetric"),
        ("LakeTask", "There is no task LakeTask"),
        ("pipeline.user_behaviour.Metric", "There is no task pipeline.user_behaviour.Metric"),
        ("no_such.Metric", "There is no task no_such.Metric: .*Is the module's folder in .PYTHONPATH"),
    ],
)
def test_a_task_that_is_not_there_is_named_with_those_that_are(name, said):
    with pytest.raises(PipelineError, match=said):
        task_class(name)
