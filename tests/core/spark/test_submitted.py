"""What a run knows of the steps that its processes submit, when these are ended at any moment."""

import multiprocessing
import os
import signal
import sys

from pipeline.core.spark import client
from pipeline.core.spark.submitted import noted

FORK = multiprocessing.get_context("fork")


def noting_until(line):
    """Note a submission, and end at a line of what does so, as a signal does it."""

    def trace(frame, event, argument):
        if frame.f_code.co_name not in ("noted", "write_text"):
            return None
        trace.lines += event == "line"
        if trace.lines == line:
            os._exit(128 + signal.SIGTERM)
        return trace

    trace.lines = 0
    sys.settrace(trace)
    with noted("stage/review/insert_date=2010-12-01"):
        os._exit(0)


def test_a_worker_that_ends_while_it_notes_what_it_submits_leaves_no_half_of_it(tmp_path, monkeypatch):
    monkeypatch.setenv(client.RUN_FOLDER, str(tmp_path))
    codes = []

    while 0 not in codes:
        process = FORK.Process(target=noting_until, args=(len(codes) + 1,))
        process.start()
        process.join()
        codes.append(process.exitcode)
        notes = list(tmp_path.glob("emr/*.json"))
        assert all(path.read_text().endswith("}") for path in notes)
        for path in notes:
            path.unlink()

    assert len(codes) > 10
