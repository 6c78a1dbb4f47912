"""What EMR is asked for when a cluster is made: [emr] cluster_file, or Lakeshift's own, filled from the settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from emr.clusters import request
from emr.clusters.request import Template
from pipeline.core.emr_settings import Emr
from pipeline.core.errors import SettingError, one_line


def template(emr: Emr, log_uri: str, root: str) -> Template:
    """Return the template of the clusters of a lake. Raises SettingError at a file that is none."""
    try:
        text = Path(emr.cluster_file).read_text(encoding="utf-8") if emr.cluster_file else request.packaged()
        made = Template.of(text, _places(emr, log_uri), root)
    except UnicodeDecodeError as error:
        raise SettingError(f"[emr] cluster_file = {emr.cluster_file} is no text in UTF-8.") from error
    except ValueError as error:
        raise SettingError(f"[emr] cluster_file = {emr.cluster_file}: {error}.") from error
    except OSError as error:
        raise SettingError(f"[emr] cluster_file: {one_line(error)}") from error
    if not {"ServiceRole", "JobFlowRole"} <= set(made.request):
        raise SettingError(
            "[jobs] runner = emr needs a cluster: name one in [emr] cluster_id; or, for one that is made for each run"
            " and ends with it, or for a pool, its roles in service_role and instance_profile; or pool_clusters = 0,"
            " for a pool that others make (docs/emr.md)."
        )
    return made


def _places(emr: Emr, log_uri: str) -> dict[str, Any]:
    """Return what the places of the file stand for."""
    return {
        "release": emr.release,
        "log_uri": log_uri,
        "service_role": emr.service_role,
        "instance_profile": emr.instance_profile,
        "security_configuration": emr.security_configuration,
        "node_security_group": emr.node_security_group,
        "service_security_group": emr.service_security_group,
        "subnet_ids": [one.strip() for one in emr.subnet_ids.split(",") if one],
        "idle_seconds": emr.idle_seconds,
    }
