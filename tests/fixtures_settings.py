"""Settings of a test's own, in the test's process."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from luigi.configuration import LuigiConfigParser, get_config


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str, str], None]]:
    """Return what makes a setting hold until the test ends."""
    monkeypatch.setattr(LuigiConfigParser, "_instance", None)
    monkeypatch.setattr(LuigiConfigParser, "_config_paths", [])
    yield lambda section, key, value: get_config().set(section, key, value)
