"""Users and passwords from AWS Secrets Manager."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from pipeline.core import aws, config
from pipeline.core.errors import SettingError

# At DEBUG it writes what a service answered, the secret included.
logging.getLogger("botocore.parsers").setLevel(logging.INFO)


@dataclass(frozen=True)
class Login:
    """A user and a password, which is in no text of it."""

    user: str
    password: str = field(repr=False)


@cache
def login(secret_id: str) -> Login:
    """Return the user and the password in a secret; it is asked for once a process, until `forget`.

    Raises SettingError if the secret is not there or holds something else, SourceUnavailable if AWS does not answer.
    """
    what = f"The secret {secret_id}"
    values = _values(_text(secret_id, what), what)
    if not all(isinstance(values.get(key), str) and values[key] for key in ("username", "password")):
        raise SettingError(
            f"{what}: expected JSON with a username and a password, as Secrets Manager keeps for databases."
        )
    return Login(values["username"], values["password"])


def login_of(user: str | None, secret_id: str, setting: str) -> Login:
    """Return the login in a secret, for a URL that may name the user; SettingError also if that is another one."""
    found = login(secret_id)
    if user not in (None, found.user):
        raise SettingError(
            f"{setting} names the user {user}, and the secret {secret_id} has the password of {found.user}."
            " Leave the user out of the URL, or name the secret of that user."
        )
    return found


def forget() -> None:
    """Have secrets asked for again: a password that was refused may have been changed since."""
    login.cache_clear()


def _text(secret_id: str, what: str) -> str:
    # boto3 takes a third of a second to import, which who has no secret there does not need.
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        client = boto3.client("secretsmanager", region_name=_region(secret_id))
        return client.get_secret_value(SecretId=secret_id).get("SecretString", "")
    except (BotoCoreError, ClientError) as error:
        raise aws.explained(error, what) from error


def _values(text: str, what: str) -> dict[str, Any]:
    try:
        values = json.loads(text)
    except ValueError:
        # Its own text holds the secret.
        raise SettingError(f"{what} is no JSON.") from None
    return values if isinstance(values, dict) else {}


def _region(secret_id: str) -> str | None:
    """Return where a secret is: its ARN says so, or it is where the lake is, or where AWS's own settings say."""
    parts = secret_id.split(":")
    return (parts[3] if parts[0] == "arn" and len(parts) > 3 else config.lake().region) or None
