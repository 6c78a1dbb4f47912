"""A cluster is made under a record that is written before, since RunJobFlow has no token: once, whoever dies when."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Mapping
from datetime import datetime

from botocore.exceptions import BotoCoreError, ClientError

from emr.adoption import LOOK_SECONDS, SETTLING
from emr.answers import is_surely_not_taken, is_unanswered
from emr.api import Emr
from emr.clusters import api
from emr.clusters.records import ENDING, INTENT, LIVE, KeptRecord, Record, Records, lease_of
from emr.clusters.request import Template
from emr.errors import Unsettled
from emr.lease import now
from emr.submission import AGAIN_SECONDS, SKEW

log = logging.getLogger(__name__)
ROUNDS = 3


class Maker:
    """Makes clusters of one kind in the name of a process, finds again what was made, and ends it."""

    def __init__(self, emr: Emr, records: Records, template: Template, owner: str) -> None:
        self.emr, self.records, self.template, self.owner = emr, records, template, owner

    def make(self, key: str, tags: Mapping[str, str], over: KeptRecord | None = None) -> KeptRecord | None:
        """Return the record of a cluster that was made, or None if somebody else was faster.

        Raises Unsettled when EMR answers nothing, and no cluster is to be found.
        """
        for _ in range(ROUNDS):
            intent = self.records.write(key, self._intent(key, over), over)
            made = self._send(intent, tags, over) if intent else None
            if made or intent is None:
                return made
            over = self.records.read(key)
            if over is None or (over.record.name, over.record.owner) != (intent.record.name, self.owner):
                return None
        raise Unsettled(f"EMR answered none of {ROUNDS} requests for a cluster")

    def settled(self, kept: KeptRecord) -> KeptRecord | None:
        """Return a record with the id of its cluster, which nobody asks for any more, or None if there is none."""
        if kept.record.state != INTENT:
            return kept
        cluster_id = self._find(kept.record)
        return self._live(kept, cluster_id) if cluster_id else None

    def end(self, kept: KeptRecord) -> bool:
        """Have a cluster end that this process answers for, and say whether it still did."""
        settled = self.settled(kept)
        ending = self.records.mark(settled or kept, state=ENDING)
        if ending is None:
            return False
        self.finish(ending)
        return True

    def finish(self, ending: KeptRecord) -> None:
        """Have a cluster end whose owner decided so, with those that earlier calls may have brought late."""
        record = ending.record
        name, _, generation = record.name.rpartition("g")
        earlier = [f"{name}g{number}" for number in range(1, int(generation))]
        strays = [one["Id"] for name in earlier for one in api.named(self.emr, name, _since(record))]
        for cluster_id in filter(None, (record.cluster_id, *strays)):
            api.end(self.emr, cluster_id)
        self.records.remove(ending)

    def _intent(self, key: str, over: KeptRecord | None) -> Record:
        generation = over.record.generation + 1 if over else 1
        # What was asked for before, and not answered, is looked for from when it was intended.
        created_at = over.record.created_at if over and over.record.state == INTENT else now().isoformat()
        name, lease = self.template.name(key, generation), lease_of(self.owner)
        return Record(name, generation, self.owner, lease, self.template.kind, "", INTENT, created_at)

    def _send(self, intent: KeptRecord, tags: Mapping[str, str], over: KeptRecord | None) -> KeptRecord | None:
        """Return the record with the id of its cluster, or None if there is none. Raises what EMR refuses it for."""
        request, current = self.template.named(intent.record.name, tags), intent
        log.info("%s is made.", intent.record.name)
        while True:
            try:
                return self._live(current, api.make(self.emr, request))
            except (ClientError, BotoCoreError) as error:
                if is_unanswered(error):
                    log.warning("%s was not answered (%s); it is looked for.", intent.record.name, error)
                    return self.settled(current)
                if not is_surely_not_taken(error):
                    self._take_back(current, over)
                    raise
            time.sleep(random.uniform(*AGAIN_SECONDS))  # noqa: S311 - no secret
            renewed = self.records.mark(current, lease=lease_of(self.owner))
            if renewed is None:
                return None
            current = renewed

    def _take_back(self, intent: KeptRecord, over: KeptRecord | None) -> None:
        """Have the record be as it was before an intent that came to nothing."""
        if over is None:
            self.records.remove(intent)
        else:
            # Its generation counts on: no two clusters have one name.
            self.records.write(intent.key, over.record, intent)

    def _live(self, kept: KeptRecord, cluster_id: str) -> KeptRecord | None:
        log.info("%s is %s.", kept.record.name, cluster_id)
        live = self.records.mark(kept, cluster_id=cluster_id, state=LIVE)
        if live is None:
            self._end_unknown(kept, cluster_id)
        return live

    def _end_unknown(self, kept: KeptRecord, cluster_id: str) -> None:
        """Have a cluster end whose record is another one by now: this process was frozen, and given up."""
        current = self.records.read(kept.key)
        if current is None or current.record.name != kept.record.name:
            log.warning("%s came too late, and ends.", cluster_id)
            api.end(self.emr, cluster_id)

    def _find(self, record: Record) -> str:
        """Return the id of the cluster of an intent, or nothing once none can come any more."""
        until = now() + SETTLING
        while True:
            found = api.named(self.emr, record.name, _since(record))
            if found or now() > until:
                return found[0]["Id"] if found else ""
            time.sleep(LOOK_SECONDS)


def _since(record: Record) -> datetime:
    """Return a time before which EMR can have made no cluster of a record; its clock may go after this host's."""
    return datetime.fromisoformat(record.created_at) - SKEW
