"""Who has the run of a day: one object a day in the monitored bucket, which only one can put."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from typing import Any

from botocore.exceptions import ClientError

from trigger.markers import claim_path

# Another has put it, or is putting it; or it is gone.
LOST = ("PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey")
# What the name of each who claims here begins with; others watch the bucket from a host.
FUNCTION = "lambda/"
# What ECS takes as the name of who started a task.
TOKEN_CHARACTERS = 36


@dataclass(frozen=True)
class Claim:
    """One attempt to have a day run, the run that came of it, and when that ended well."""

    day: str
    marker: str
    claimed_at: str
    claimed_by: str
    run: str | None = None
    ended_at: str | None = None

    @property
    def token(self) -> str:
        """What the run is told as its name, by which it is found when nobody wrote down what was answered."""
        told = json.dumps([self.day, self.marker, self.claimed_at, self.claimed_by])
        return f"{self.day}-{hashlib.sha256(told.encode()).hexdigest()}"[:TOKEN_CHARACTERS]

    def age_seconds(self, now: datetime) -> float:
        return (now - datetime.fromisoformat(self.claimed_at)).total_seconds()

    def of_run(self, run: str) -> Claim:
        return replace(self, run=run)

    def of_end(self, run: str, now: datetime) -> Claim:
        return replace(self, run=run, ended_at=now.isoformat())


class Claims:
    """The claims of one pipeline's days in a bucket; each is changed only by who saw its version."""

    def __init__(self, s3: Any, bucket: str, pipeline: str) -> None:
        self.s3, self.bucket, self.pipeline = s3, bucket, pipeline

    def create(self, claim: Claim) -> str | None:
        """Return the version of a claim that was made, or None if the day has one."""
        return self._put(claim, IfNoneMatch="*")

    def replace(self, claim: Claim, version: str) -> str | None:
        """Return the version of a claim that took the place of what was seen, or None if that is there no more."""
        return self._put(claim, IfMatch=version)

    def read(self, day: str) -> tuple[Claim, str] | None:
        """Return the claim of a day and its version, or None."""
        try:
            found = self.s3.get_object(Bucket=self.bucket, Key=self._key(day))
        except self.s3.exceptions.NoSuchKey:
            return None
        told = json.loads(found["Body"].read())
        return Claim(**{name: told.get(name) for name in Claim.__dataclass_fields__}), found["ETag"]

    def give_back(self, day: str, version: str) -> bool:
        """Delete the claim that was seen, and say whether it was still that one."""
        return self._is_done(self.s3.delete_object, Key=self._key(day), IfMatch=version)

    def url(self, day: str) -> str:
        """Return where the claim of a day lies."""
        return f"s3://{self.bucket}/{self._key(day)}"

    def later(self, day: str) -> str | None:
        """Return the key of a claim of a later day, or None."""
        key = self._key(day)
        folder = key.rpartition("/")[0]
        found = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=f"{folder}/", StartAfter=key, MaxKeys=1)
        return next((one["Key"] for one in found.get("Contents", ())), None)

    def _key(self, day: str) -> str:
        return claim_path(self.pipeline, date.fromisoformat(day))

    def _put(self, claim: Claim, **condition: str) -> str | None:
        body = json.dumps(asdict(claim)).encode()
        about = {"Key": self._key(claim.day), "Body": body, "ContentType": "application/json"}
        answer: dict[str, Any] = {}
        if self._is_done(lambda **asked: answer.update(self.s3.put_object(**asked)), **about, **condition):
            return str(answer["ETag"])
        # A put whose answer was lost is sent again, and then meets what it has put itself.
        found = self.read(claim.day)
        return found[1] if found and found[0] == claim else None

    def _is_done(self, call: Any, **asked: Any) -> bool:
        try:
            call(Bucket=self.bucket, **asked)
        except ClientError as error:
            if error.response["Error"]["Code"] in LOST:
                return False
            raise
        return True
