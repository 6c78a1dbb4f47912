"""What stands for the host of the stack: runs the command line of a document, with a project's settings."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from project import ROOT, Project
from run_server import document

# What the host has and this machine may not: another user, a journal, and the settings of its environment.
STANDS_FOR = {
    "runuser": 'test "$1 $2 $3" = "-u lakeshift --" || exit 1\nshift 3\nexec "$@"',
    "systemd-cat": 'test "$1 $2" = "-t lakeshift" || exit 1\nshift 2\nexec "$@"',
    "lakeshift-env": 'exec "$@"',
}


class Host:
    """Runs each command that is sent, and tells `is_told` how it ended, as EventBridge would."""

    def __init__(self, project: Project, backend: Any, is_told: Callable[[dict[str, Any]], None]) -> None:
        self.project, self.backend, self.is_told = project, backend, is_told
        self.said: list[str] = []
        self.bin = project.folder / "bin"
        self.bin.mkdir()
        for name, script in STANDS_FOR.items():
            (self.bin / name).write_text(f"#!/bin/sh\n{script}\n")
            (self.bin / name).chmod(0o755)

    def run(self, command: Any) -> None:
        """Have a command run, while whoever sent it goes on."""
        threading.Thread(target=self._run, args=(command,), daemon=True).start()

    def _run(self, command: Any) -> None:
        [step] = document(self.backend, command.document_name)["mainSteps"]
        script = "\n".join(step["inputs"]["runCommand"])
        for name, [value] in command.parameters.items():
            script = script.replace("{{" + name + "}}", value)
        command.status = "InProgress"
        (self.project.folder / "luigi.cfg").write_text((ROOT / "luigi.cfg").read_text())
        done = subprocess.run(
            ["sh", "-c", script], cwd=self.project.folder, env=self._environment(), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        self.said.append(done.stdout)
        command.status = "Failed" if done.returncode else "Success"
        self.is_told(ended(command))

    def _environment(self) -> dict[str, str]:
        environment = self.project.environ()
        return environment | {"PATH": f"{self.bin}:{Path(sys.executable).parent}:{environment['PATH']}"}


def ended(command: Any) -> dict[str, Any]:
    """Return what EventBridge tells of a command that has ended."""
    return {
        "version": "0", "id": command.command_id, "source": "aws.ssm", "account": "123456789012",
        "time": "2017-11-10T22:00:00Z", "region": "eu-west-1", "resources": [],
        "detail-type": "EC2 Command Status-change Notification",
        "detail": {
            "command-id": command.command_id, "document-name": command.document_name, "status": command.status,
            "parameters": command.parameters,
        },
    }  # fmt: skip
