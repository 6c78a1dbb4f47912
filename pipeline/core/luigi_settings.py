"""What Lakeshift needs of Luigi's own settings, for where no file sets them: a folder without luigi.cfg, say.

Stock Luigi ends 0 when a task failed, believes a task whose output never appeared, and leaves all but 50 of the last
100 days of a range alone.
"""

from __future__ import annotations

import luigi.cmdline
from luigi.configuration import get_config

DEFAULTS = {
    "core": {
        "scheduler_host": "127.0.0.1",
        "scheduler_port": "8082",
        "rpc_retry_attempts": "2",
        "rpc_retry_wait": "1",
        "rpc_connect_timeout": "5",
        "no_lock": "true",
        "autoload_range": "true",
        "log_level": "INFO",
    },
    "worker": {"check_complete_on_run": "true", "wait_interval": "0.2", "wait_jitter": "0.2"},
    "scheduler": {"retry_delay": "-1", "worker_disconnect_delay": "15"},
    "retcode": {
        "already_running": "10",
        "missing_data": "20",
        "not_run": "25",
        "task_failed": "30",
        "scheduling_error": "35",
        "unhandled_exception": "40",
    },
    "RangeDaily": {"days_back": "100000", "task_limit": "100000"},
}


def set_defaults() -> None:
    """Make each of these settings hold that no file has set otherwise."""
    config = get_config()
    for section, values in DEFAULTS.items():
        for key, value in values.items():
            if not config.has_option(section, key):
                config.set(section, key, value)


def luigid() -> None:
    """Run Luigi's scheduler, as its own command line says, with these settings."""
    set_defaults()
    luigi.cmdline.luigid()
