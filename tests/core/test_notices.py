"""Which ends of runs are told of, by one message each, and what these say."""

from __future__ import annotations

import signal
import time
from datetime import date
from pathlib import Path

import luigi
import pytest
from fixtures_mail import inbox  # noqa: F401

from pipeline.core import failing, killed_runs, logs, notices, run
from pipeline.core.asked import asked_of
from pipeline.core.errors import CheckFailed
from pipeline.core.lake import Partition

FIRST, SECOND = date(2017, 11, 9), date(2017, 11, 10)
SHOP = "postgresql://luigi:hunter2@db/shop"
broken: set[date] = set()
made: set[str] = set()


class Load(luigi.Task):
    """What fails on the days that are broken."""

    date = luigi.DateParameter()

    @property
    def partition(self) -> Partition:
        return Partition.of_date(self.date)

    def complete(self) -> bool:
        return self.task_id in made

    def run(self) -> None:
        if self.date in broken:
            raise CheckFailed(f"Load {self.date}: {SHOP} has no rows. Look at the source.")
        made.add(self.task_id)


class Minibatch(Load):
    """The same, every few minutes."""

    is_minibatch = True


class Outer(Load):
    """A run within a run."""

    def run(self) -> None:
        luigi.build([Load(self.date)], local_scheduler=True)
        super().run()


@pytest.fixture
def mail(inbox, settings, tmp_path, ministack, monkeypatch):  # noqa: F811
    for key, value in (("sns_topic_arn", inbox.topic), ("project", "2304_Stock_Prices")):
        settings("alerts", key, value)
    settings("log", "file", str(tmp_path / "log/lakeshift.log"))
    monkeypatch.setenv("AWS_ENDPOINT_URL_SNS", ministack)
    monkeypatch.setattr(run, "open_file", lambda path: None)
    # A session of tests that has a Spark driver lends it to every run.
    monkeypatch.delenv(run.client.RUN_FOLDER, raising=False)
    run.install()
    # Not in the middle of a test: pytest would not see what is logged from then on.
    logs.open_console("INFO")
    broken.clear()
    made.clear()
    return inbox


def build(*tasks: luigi.Task, **options: int) -> bool:
    return luigi.build(tasks, local_scheduler=True, **options)


def ends(mail) -> list[str]:
    return [subject.removeprefix("2304_Stock_Prices_Pipeline_") for subject, _ in mail.read()]


def test_a_failure_is_told_with_its_day_its_cause_its_log_and_the_line_to_type(mail, tmp_path):
    broken.add(SECOND)

    build(Load(SECOND))

    [(subject, body)] = mail.read()
    lines = body.splitlines()
    assert subject == "2304_Stock_Prices_Pipeline_Failure"
    assert lines[0].startswith("Load 2017-11-10: failure after ")
    assert lines[1:5] == [
        "Date: 2017-11-10",
        "Error: Load 2017-11-10: Load 2017-11-10: postgresql://luigi:***@db/shop has no rows. Look at the source.",
        f"Log: {tmp_path}/log/lakeshift.log",
        f"Run it again: luigi --module {Load(SECOND).task_module} Load --date 2017-11-10",
    ]


def test_of_several_days_one_message_says_the_first_error_and_how_many_there_are(mail):
    broken.update([FIRST, SECOND])

    build(Load(FIRST), Load(SECOND), Load(date(2017, 11, 8)), workers=2)

    [(_, body)] = mail.read()
    assert "Dates: 2017-11-08 to 2017-11-10, 3 in all" in body
    assert "has no rows. Look at the source. (and 1 more, below)" in body
    assert "Lakeshift: 1 made, 0 already there, 2 failed in" in body


def test_a_run_within_a_run_is_not_told_of_by_itself(mail):
    build(Outer(FIRST))

    assert (len(made), ends(mail)) == (2, ["Success"])


def test_what_made_nothing_tells_only_of_who_was_killed_before(mail, tmp_path):
    made.add(Load(FIRST).task_id)
    killed_runs.put(tmp_path / "log/runs", killed_note(Load(SECOND)))

    build(Load(FIRST))
    build(Load(FIRST))

    [(subject, body)] = mail.read()
    assert subject == "2304_Stock_Prices_Pipeline_Failure"
    assert body.startswith("Load 2017-11-10: killed\nIt began at 2017-11-10T22:00:00+00:00, and did not come")


def killed_note(task: luigi.Task) -> killed_runs.Note:
    return killed_runs.Note(asked_of([task]), "elsewhere/0/effffffc/1d2c 1 1.0", "2017-11-10T22:00:00+00:00")


@pytest.fixture(autouse=True)
def on_this_host(monkeypatch):
    # A host that was started again since.
    monkeypatch.setattr(killed_runs, "this_process", lambda: "elsewhere/1/effffffc/1d2c 1 1.0")


def test_a_killed_run_of_which_nobody_could_be_told_is_told_of_by_the_next(mail, tmp_path, monkeypatch, ministack):
    killed_runs.put(tmp_path / "log/runs", killed_note(Load(SECOND)))
    monkeypatch.setenv("AWS_ENDPOINT_URL_SNS", "http://127.0.0.1:9")
    build(Load(FIRST))
    monkeypatch.setenv("AWS_ENDPOINT_URL_SNS", ministack)

    build(Load(FIRST))

    assert ends(mail) == ["Failure"]


def test_what_recovered_fails_no_more_when_somebody_is_told_of_a_killed_run_late(mail, tmp_path, monkeypatch):
    killed_runs.put(tmp_path / "log/runs", killed_note(Load(SECOND)))
    with monkeypatch.context() as away:
        away.setenv("AWS_ENDPOINT_URL_SNS", "http://127.0.0.1:9")
        build(Load(FIRST))
    made.add(Outer(FIRST).task_id)

    build(Outer(FIRST))
    build(Load(SECOND))

    assert [body.splitlines()[0].split(" after")[0] for _, body in mail.read()] == [
        "Load 2017-11-10: killed",
        "Load 2017-11-10: success",
    ]


def test_a_killed_run_whose_teller_was_killed_is_told_of_by_the_next(mail, tmp_path, monkeypatch):
    killed_runs.put(tmp_path / "log/runs", killed_note(Load(SECOND)))
    with monkeypatch.context() as first:
        first.setattr(notices, "tell", lambda alert: signal.default_int_handler(signal.SIGINT, None))
        with pytest.raises(KeyboardInterrupt):
            notices.end(None)
    still_told = ends(mail)
    monkeypatch.setattr(killed_runs, "this_process", lambda: "elsewhere/2/effffffc/1d2c 1 1.0")

    notices.end(None)

    assert (still_told, ends(mail)) == ([], ["Failure"])
    assert list((tmp_path / "log/runs").iterdir()) == []


def test_of_a_killed_run_that_somebody_is_telling_of_nobody_else_tells(mail, tmp_path):
    folder = tmp_path / "log/runs"
    killed_runs.put(folder, killed_note(Load(SECOND)))

    [found] = killed_runs.killed(folder)

    assert found.is_news and list(killed_runs.killed(folder)) == []


def test_a_topic_that_does_not_answer_fails_no_run(mail, monkeypatch, caplog):
    monkeypatch.setenv("AWS_ENDPOINT_URL_SNS", "http://127.0.0.1:9")

    assert build(Load(FIRST))

    [line] = [one.getMessage() for one in caplog.records if one.name == "pipeline.core.alerts" and one.levelno > 20]
    assert line.startswith(f"Nobody was told: 2304_Stock_Prices_Pipeline_Success could not be sent to {mail.topic}:")


def test_who_wants_to_hear_of_failures_only_hears_of_no_success(mail, settings):
    settings("alerts", "on", "failure")

    build(Load(FIRST))

    assert ends(mail) == []


def test_a_success_of_what_failed_says_so_also_to_who_hears_of_no_other(mail, settings):
    settings("alerts", "on", "recovery")
    broken.add(FIRST)
    build(Load(FIRST))
    build(Load(SECOND))

    build(Load(date(2017, 11, 11)))

    [(subject, body)] = mail.read()
    assert subject == "2304_Stock_Prices_Pipeline_Success"
    assert body.startswith("Recovered: it had failed since ")
    assert ", the last time with Load 2017-11-09\nLoad 2017-11-10: success after" in body


def test_another_task_does_not_recover_for_it(mail, settings):
    settings("alerts", "on", "recovery")
    broken.add(FIRST)
    build(Load(FIRST))

    build(Outer(SECOND))

    assert ends(mail) == []


def test_of_minibatches_the_first_failure_and_the_recovery_are_told(mail):
    build(Minibatch(FIRST))
    broken.update([SECOND, date(2017, 11, 11)])
    build(Minibatch(SECOND))
    build(Minibatch(date(2017, 11, 11)))

    build(Minibatch(date(2017, 11, 12)))

    assert ends(mail) == ["Failure", "Success"]


def test_a_minibatch_that_goes_on_failing_is_told_of_again_after_some_hours(mail, settings, monkeypatch):
    broken.update([FIRST, SECOND])
    build(Minibatch(FIRST))
    settings("alerts", "remind_hours", "6")
    now = failing._now()
    monkeypatch.setattr(failing, "_now", lambda: now.replace(year=now.year + 1))

    build(Minibatch(SECOND))

    assert ends(mail) == ["Failure", "Failure"]


def test_a_setting_has_minibatches_tell_of_each_end(mail, settings):
    settings("alerts", "on_minibatch", "success, failure")
    settings("alerts", "remind_hours", "0")
    broken.update([FIRST, SECOND])

    for day in (FIRST, SECOND, date(2017, 11, 11)):
        build(Minibatch(day))

    assert ends(mail) == ["Failure", "Failure", "Success"]


def test_settings_that_keep_a_run_from_beginning_are_told_of(mail, settings):
    settings("lake", "max_refused", "2")

    with pytest.raises(SystemExit):
        build(Load(FIRST))

    [(subject, body)] = mail.read()
    assert subject == "2304_Stock_Prices_Pipeline_Failure"
    assert body.startswith("A run did not begin: [lake] max_refused = 2 (set at run time): expected a share between")


def refused(settings, value: str) -> None:
    settings("lake", "max_refused", value)
    with pytest.raises(SystemExit):
        build(Minibatch(FIRST))


def test_settings_that_stay_wrong_are_told_of_once_and_others_too(mail, settings):
    for value in ("2", "2", "3"):
        refused(settings, value)

    assert ["max_refused = 2" in body for _, body in mail.read()] == [True, False]


def test_settings_that_stay_wrong_are_told_of_again_after_some_hours(mail, settings, monkeypatch):
    refused(settings, "2")
    now = failing._now()
    monkeypatch.setattr(failing, "_now", lambda: now.replace(year=now.year + 1))

    refused(settings, "2")

    assert ends(mail) == ["Failure", "Failure"]


def test_wrong_settings_of_which_nobody_could_be_told_are_told_of_by_the_next(mail, settings, monkeypatch):
    refused(settings, "2")
    with monkeypatch.context() as away:
        away.setenv("AWS_ENDPOINT_URL_SNS", "http://127.0.0.1:9")
        refused(settings, "3")

    refused(settings, "3")

    assert ends(mail) == ["Failure", "Failure"]


def test_a_minibatch_that_begins_again_since_its_settings_are_right_says_so(mail, settings):
    refused(settings, "2")
    settings("lake", "max_refused", "0.1")

    build(Minibatch(FIRST))
    build(Minibatch(SECOND))

    (_, failure), (_, recovery) = mail.read()
    assert failure.startswith("A run did not begin: ")
    assert recovery.startswith("Recovered: it had failed since ") and "the last time with [lake] max_ref" in recovery


def test_a_run_that_can_have_no_folder_is_told_of(mail, tmp_path, monkeypatch):
    (tmp_path / "lakeshift").mkdir()
    (tmp_path / "lakeshift").chmod(0o777)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))

    with pytest.raises(SystemExit):
        build(Load(FIRST))

    [(subject, body)] = mail.read()
    assert subject == "2304_Stock_Prices_Pipeline_Failure"
    assert f"A run did not begin: {tmp_path}/lakeshift is not a folder of this user's alone." in body


def test_a_run_after_one_that_could_have_no_folder_is_told_of(mail, monkeypatch):
    with monkeypatch.context() as full:
        full.setattr(run.client, "run_folder", lambda: Path("/dev/full/x").read_text())
        with pytest.raises(SystemExit):
            build(Load(FIRST))

    build(Load(FIRST))

    assert ends(mail) == ["Failure", "Success"]


def test_a_run_whose_end_fails_is_told_of_with_what_it_was(mail, tmp_path, monkeypatch):
    with monkeypatch.context() as failing_end:
        failing_end.setattr(run, "end_cluster", lambda folder: Path("/dev/full/x").read_text())
        with pytest.raises(OSError):
            build(Load(FIRST))

    build(Load(SECOND))

    (failure, body), (success, _) = mail.read()
    assert (failure.rpartition("_")[2], success.rpartition("_")[2]) == ("Failure", "Success")
    assert "0 failed in" in body and ", NotADirectoryError: [Errno 20] Not a directory: '/dev/full/x'." in body
    assert list((tmp_path / "log/runs").iterdir()) == []


def test_the_duration_that_is_told_is_the_one_that_is_printed(mail, tmp_path, monkeypatch):
    killed_runs.put(tmp_path / "log/runs", killed_note(Outer(SECOND)))
    tell = notices.tell
    monkeypatch.setattr(notices, "tell", lambda alert: time.sleep(0.3) or tell(alert))

    build(Load(FIRST))

    [body] = [body for subject, body in mail.read() if subject.endswith("Success")]
    assert body.splitlines()[0] in ("Load 2017-11-09: success after 0.0 s", "Load 2017-11-09: success after 0.1 s")


def test_where_nothing_can_be_remembered_a_run_ends_as_it_would(mail, tmp_path, caplog):
    (tmp_path / "log").write_text("a file in the place of the folder")
    broken.add(SECOND)

    assert [build(Load(FIRST)), build(Load(SECOND))] == [True, False]

    assert ends(mail) == ["Success", "Failure"]
    assert f"That this failed is not remembered, since {tmp_path}/log/failing/" in caplog.text


def test_what_cannot_be_told_fails_no_run(mail, monkeypatch):
    monkeypatch.setattr(notices, "lines_of", lambda *arguments: 1 / 0)

    assert build(Load(FIRST))
