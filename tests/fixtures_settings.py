"""Settings of a test's own, in the test's process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from luigi.configuration import LuigiConfigParser, get_config


@contextmanager
def settings_file(path: Path) -> Iterator[None]:
    """Let the settings of a file, and no others, hold in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LuigiConfigParser, "_instance", None)
        patch.setattr(LuigiConfigParser, "_config_paths", [str(path)])
        yield


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str, str], None]]:
    """Return what makes a setting hold until the test ends."""
    monkeypatch.setattr(LuigiConfigParser, "_instance", None)
    monkeypatch.setattr(LuigiConfigParser, "_config_paths", [])
    yield lambda section, key, value: get_config().set(section, key, value)
