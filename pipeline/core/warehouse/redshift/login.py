"""What redshift-connector is given to connect with."""

from __future__ import annotations

import re
from typing import Any

from pipeline.core import config, secrets
from pipeline.core.addresses import RedshiftAddress
from pipeline.core.errors import SettingError

CONNECT_SECONDS = 30
# A peer that vanished is noticed in minutes, and not in hours.
KEEPALIVE = {"tcp_keepalive_idle": 60, "tcp_keepalive_interval": 10, "tcp_keepalive_count": 6}
SERVERLESS = re.compile(r"([\w-]+)\..+\.redshift-serverless\.amazonaws\.com(\.cn)?")
CLUSTER = re.compile(r"([\w-]+)\..+\.redshift\.amazonaws\.com(\.cn)?")


def connect_arguments(address: RedshiftAddress, settings: config.Warehouse) -> dict[str, Any]:
    """Return the arguments of a connection: a password where one is given or kept in a secret, else IAM.

    Raises SettingError if neither can be.
    """
    return {
        "host": address.host,
        "port": address.port,
        "database": address.database,
        "application_name": "lakeshift",
        "timeout": CONNECT_SECONDS,
        **KEEPALIVE,
        # Unless it is asked for, the connector only warns of a certificate that is another host's.
        **({"sslmode": "verify-full"} if address.has_tls else {"ssl": False}),
        **_login(address, settings),
    }


def _login(address: RedshiftAddress, settings: config.Warehouse) -> dict[str, Any]:
    if address.password is not None:
        return {"user": address.user, "password": address.password}
    if settings.secret_id:
        login = secrets.login_of(address.user, settings.secret_id, "[warehouse] url")
        return {"user": login.user, "password": login.password}
    if not address.has_tls:
        raise SettingError("[warehouse] url: without TLS only a password can be used, and there is none.")
    return {"iam": True, **_iam(address, settings)}


def _iam(address: RedshiftAddress, settings: config.Warehouse) -> dict[str, Any]:
    """Return what names the warehouse to IAM. The user is IAM's own, unless the address names one of a cluster."""
    if settings.workgroup:
        return _serverless(settings.workgroup) | _region()
    if settings.cluster:
        return _cluster(settings.cluster, address.user) | _region()
    if named := SERVERLESS.fullmatch(address.host):
        return _serverless(named[1])
    if named := CLUSTER.fullmatch(address.host):
        return _cluster(named[1], address.user)
    raise SettingError(
        f"[warehouse] url: {address.host} is no name of Amazon's own. Give [warehouse] cluster or workgroup for IAM,"
        " or secret_id, or user:password in the url."
    )


def _serverless(workgroup: str) -> dict[str, Any]:
    return {"is_serverless": True, "serverless_work_group": workgroup}


def _cluster(name: str, user: str | None) -> dict[str, Any]:
    # Without a database user to be, IAM's own identity is one (GetClusterCredentialsWithIAM).
    return {"cluster_identifier": name} | ({"db_user": user} if user else {"group_federation": True})


def _region() -> dict[str, Any]:
    """Return where a warehouse is that does not say so in its name: Spectrum reads the lakes of its own region."""
    region = config.lake().region
    return {"region": region} if region else {}
