"""Run luigi, and die by SIGKILL at one moment: killed_run.py before|after WHAT LUIGI-ARGUMENTS

WHAT is the number of a commit, counted as they come: a manifest, an external partition, a table's transaction.
Or it is what is stored of a submission to EMR: INTENT, SUBMITTED, COMPLETED; or `call`, that which submits it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

# This script's own folder, whose tests/sql would hide the package of that name.
sys.path.pop(0)

import luigi.cmdline

from emr.api import Emr
from emr.ledger import Entry, Ledger
from pipeline.core.etl_load import Load, PartitionedTables
from pipeline.core.store import Store
from pipeline.core.store.local import LocalStore
from pipeline.core.store.s3 import S3Store
from pipeline.core.warehouse import Warehouse

MOMENT, WHAT = sys.argv[1], sys.argv[2]
commits = 0


def reach(moment: str, what: str) -> None:
    if (moment, what) == (MOMENT, WHAT):
        os.kill(os.getpid(), signal.SIGKILL)


def begin_commit() -> None:
    global commits
    commits += 1
    reach("before", str(commits))


def deadly(commit: Callable[..., Any], is_one: Callable[..., bool]) -> Callable[..., Any]:
    def committed(*arguments: Any) -> Any:
        if not is_one(*arguments):
            return commit(*arguments)
        begin_commit()
        result = commit(*arguments)
        reach("after", str(commits))
        return result

    return committed


def deadly_load(loading: Callable[..., Any]) -> Callable[..., Any]:
    @contextlib.contextmanager
    def loaded(*arguments: Any) -> Any:
        with loading(*arguments) as cursor:
            yield cursor
        reach("after", str(commits))

    return loaded


def deadly_call(call: Callable[..., Any], what: Callable[..., str]) -> Callable[..., Any]:
    def called(*arguments: Any, **named: Any) -> Any:
        reach("before", what(*arguments))
        result = call(*arguments, **named)
        reach("after", what(*arguments))
        return result

    return called


def is_manifest(store: Store, path: str, *rest: Any) -> bool:
    return "/_manifest/" in path


def state_of(ledger: Ledger, key: str, entry: Entry, over: Any) -> str:
    return entry.state


for kind in (LocalStore, S3Store):
    kind.create = deadly(kind.create, is_manifest)
    kind.replace = deadly(kind.replace, is_manifest)
Warehouse.set_external_partitions = deadly(Warehouse.set_external_partitions, lambda *arguments: True)
mark = Load.mark


def mark_and_reach_commit(*arguments: Any) -> None:
    mark(*arguments)
    begin_commit()


Load.mark = mark_and_reach_commit
PartitionedTables.loading = deadly_load(PartitionedTables.loading)
Ledger.write = deadly_call(Ledger.write, state_of)
Emr.add = deadly_call(Emr.add, lambda *arguments: "call")

luigi.cmdline.luigi_run(["--module", "pipeline.user_behaviour", *sys.argv[3:]])
