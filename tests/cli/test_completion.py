"""What a shell is told when somebody presses Tab."""

import subprocess
import sys
from pathlib import Path

import pytest

import pipeline
from pipeline.cli.completion import monitored_names, task_names
from pipeline.finding import all_task_classes, pipelines

BIN = Path(sys.executable).parent
OF_A_TASK = ("audit", "explain", "history", "lineage", "plan", "rerun", "run")
# What bash itself does at Tab.
IN_BASH = """
source <(_LAKESHIFT_COMPLETE=source_bash lakeshift)
COMP_WORDS=(lakeshift rerun UserP) COMP_CWORD=2
$(complete -p lakeshift | sed 's/.*-F \\([^ ]*\\).*/\\1/') lakeshift
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture
def completed(lakeshift, monkeypatch):
    """Return what completes a line, of which the last word is incomplete, as bash has it; it is quiet otherwise."""

    def complete(line):
        words = line.split(" ")
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
        monkeypatch.setenv("_LAKESHIFT_COMPLETE", "complete_bash")
        done = lakeshift()
        assert done.err == ""
        return done.out.split()

    return complete


def test_bash_completes_the_name_of_a_task():
    line = ["bash", "--norc", "-c", IN_BASH]

    done = subprocess.run(line, env={"PATH": f"{BIN}:/usr/bin:/bin"}, capture_output=True, text=True)

    assert (done.stdout.split(), done.stderr) == (["UserPurchase", "UserPurchasePartition"], "")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("lakeshift se", ["seed"]),
        ("lakeshift seed s", ["stocks"]),
        ("lakeshift seed stocks --co", ["--companies"]),
        ("lakeshift seed --purchases a.csv s", []),
        ("lakeshift watch ", ["stocks"]),
        ("lakeshift rerun UserPurchase --do", ["--downstream"]),
        *((f"lakeshift {command} UserB", ["UserBehaviourMetric"]) for command in OF_A_TASK),
    ],
)
def test_a_word_is_completed_where_it_stands(completed, line, words):
    assert completed(line) == words


def test_zsh_and_fish_are_told_the_second_word_too(lakeshift, monkeypatch):
    monkeypatch.setenv("_TYPER_COMPLETE_ARGS", "lakeshift seed st")
    monkeypatch.setenv("_TYPER_COMPLETE_FISH_ACTION", "get-args")
    told = []
    for shell in ("zsh", "fish"):
        monkeypatch.setenv("_LAKESHIFT_COMPLETE", f"complete_{shell}")
        told.append(lakeshift().out)

    assert told == ["_arguments '*: :((\"stocks\"))'\n", "stocks\n"]


def test_the_tasks_and_the_pipelines_are_those_that_there_are():
    watched = [name for name, module in pipelines().items() if hasattr(module, "monitored")]

    assert sorted(task_names()) == sorted(kind.__name__ for kind in all_task_classes())
    assert monitored_names() == watched


def test_a_pipeline_that_is_being_written_is_passed_over_without_a_word(completed, tmp_path, monkeypatch):
    (tmp_path / "half.py").write_text("class Half(")
    (tmp_path / "good.py").write_text("class GoodTask(Task):\n    pass\n")
    monkeypatch.setattr(pipeline, "__path__", [str(tmp_path)])

    assert completed("lakeshift rerun ") == ["GoodTask"]


def test_what_fails_while_a_word_is_completed_says_nothing(completed, monkeypatch):
    monkeypatch.setattr(pipeline, "__path__", None)

    assert completed("lakeshift rerun ") == []


def test_no_pipeline_is_imported_for_it():
    code = "import sys; from pipeline.cli.completion import task_names; task_names(); print('luigi' in sys.modules)"

    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "False\n"
