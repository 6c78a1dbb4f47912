"""The process that runs the Spark jobs of one run; pipeline.core.spark.client starts it and talks to it.

A connection carries one job: a line of JSON in, and lines of JSON out, which say where the job can be watched, how far
it is, and how it ended. Whoever closes a connection gives its job up. The driver ends when it is told to, when the
run's process is gone, or when its JVM is; the JVM ends with it, since its standard input does.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
import threading
import traceback
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import psutil

from pipeline.core.errors import JobFailed
from pipeline.core.runtime import remove_run_folder

LOOK_SECONDS = 0.2
WATCH_SECONDS = 1.0
END_SECONDS = 10.0


class Client:
    """Who waits for a job at the other end of a connection."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.last = b""

    def tell(self, **told: Any) -> None:
        """Send what is news; whether anybody is there to hear it is for `is_gone` to say."""
        line = json.dumps(told).encode() + b"\n"
        if line != self.last:
            self.last = line
            with contextlib.suppress(OSError):
                self.connection.sendall(line)

    def is_gone(self) -> bool:
        try:
            return self.connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True


class Driver:
    """One SparkSession, and the jobs of several clients at once."""

    def __init__(self, listener: socket.socket, run: psutil.Process, settings: dict[str, str]) -> None:
        self.listener = listener
        self.run = run
        self.settings = settings
        self.session: Future[Any] = Future()
        self.cluster: Any = None
        self.is_stopping = threading.Event()

    def serve(self) -> None:
        """Take jobs until the end of the run."""
        threading.Thread(target=self._start_session, daemon=True).start()
        self.listener.settimeout(WATCH_SECONDS)
        while self._is_needed():
            with contextlib.suppress(TimeoutError, OSError):
                connection, _ = self.listener.accept()
                threading.Thread(target=self._attend, args=(connection,), daemon=True).start()

    def _start_session(self) -> None:
        # Imported here, since pyspark takes half a second that clients need not wait for.
        from pipeline.core.spark.cluster import Cluster
        from pipeline.core.spark.session import start_session

        try:
            session = start_session(self.settings)
            self.cluster = Cluster(session.sparkContext)
            self.session.set_result(session)
        except Exception as error:
            traceback.print_exc()
            self.session.set_exception(error)

    def _is_needed(self) -> bool:
        return is_alive(self.run) and self._has_jvm() and not self.is_stopping.is_set()

    def _has_jvm(self) -> bool:
        """Return whether the JVM lives, or never did: a start that failed is told to whoever asks."""
        if not self.session.done() or self.session.exception():
            return True
        return self.session.result().sparkContext._gateway.proc.poll() is None

    def _attend(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as stream, contextlib.suppress(ConnectionError):
            asked = json.loads(stream.readline() or "{}")
            if "stop" in asked:
                self._stop()
            elif "module" in asked:
                self._carry_out(asked["module"], asked["arguments"], Client(connection))

    def _stop(self) -> None:
        """Take no more jobs; whoever needs another one done starts a new driver."""
        self.is_stopping.set()
        self.listener.shutdown(socket.SHUT_RDWR)

    def _carry_out(self, module: str, arguments: list[str], client: Client) -> None:
        from pipeline.core.spark.session import Work, cause

        try:
            work = Work(self.session.result(), module, arguments)
            client.tell(url=work.url)
            with ThreadPoolExecutor(1) as pool:
                self._watch(work, pool.submit(work.run), client)
            client.tell(done=True)
        # A job may exit: argparse does, at an option that it does not know.
        except (Exception, SystemExit) as error:
            traceback.print_exc()
            # Not what it waited for in vain: a session, or an executor.
            threw = self.session.done() and not self.session.exception() and not isinstance(error, JobFailed)
            client.tell(failed=self._explain(cause(error)), threw=threw)

    def _explain(self, cause: str) -> str:
        if self.cluster is None:
            return cause
        if self.cluster.is_lost():
            self._stop()
        return self.cluster.explain(cause)

    def _watch(self, work: Any, ending: Future, client: Client) -> None:
        """Wait for the end of a job, and raise what it raised. One that nobody waits for or runs is cancelled."""
        shortage = ""
        while not wait([ending], LOOK_SECONDS).done:
            shortage = shortage or self.cluster.shortage()
            if shortage or client.is_gone():
                work.cancel()
            else:
                client.tell(percent=work.percent())
        if shortage and ending.exception():
            raise JobFailed(shortage) from ending.exception()
        ending.result()


def is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def end_children() -> None:
    """End the JVM, and give it the time to remove its temporary files."""
    children = psutil.Process().children(recursive=True)
    for child in children:
        with contextlib.suppress(psutil.NoSuchProcess):
            child.terminate()
    _, alive = psutil.wait_procs(children, END_SECONDS)
    for child in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            child.kill()


def main(path: str, run_process: str, settings: str) -> None:
    """Listen, leave whoever started this process, and serve until the run ends."""
    run = psutil.Process(int(run_process))
    Path(path).unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
    if os.fork():
        os._exit(0)
    try:
        Driver(listener, run, json.loads(settings)).serve()
    finally:
        end_children()
        # Not the socket of a run that goes on: another driver may listen there by now.
        if not is_alive(run):
            remove_run_folder(Path(path).parent)
        # Threads may be waiting for a JVM that is no more.
        os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
