"""What the documents promise is there: links, commands, settings, exit codes."""

from __future__ import annotations

import re
from configparser import ConfigParser
from pathlib import Path

import pytest
import typer.main
from project import ROOT

from pipeline.cli import app
from pipeline.cli.exit_codes import MEANINGS
from pipeline.core import config

DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("benchmarks/*.md")])
NAMES = [str(path.relative_to(ROOT)) for path in DOCUMENTS]
LINK = re.compile(r"\]\(([^)\s]+)\)")
EVERYTHING = "\n".join(path.read_text() for path in DOCUMENTS)


def anchors(path: Path) -> set[str]:
    """Return the anchors of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", DOCUMENTS, ids=NAMES)
def test_every_link_leads_somewhere(path):
    for link in LINK.findall(path.read_text()):
        place, _, anchor = link.partition("#")
        if "://" not in link:
            target = (path.parent / place).resolve() if place else path
            assert target.exists(), link
            assert not anchor or anchor in anchors(target), link


def test_every_command_named_is_one_that_lakeshift_has_and_every_one_is_named():
    commands = set(typer.main.get_command(app).commands)
    of_two_words = "|".join(name for name in commands if " " in name)
    named = set(re.findall(rf"(?:`|\$ |; )lakeshift ({of_two_words}|[a-z]+)", EVERYTHING))

    assert named == commands


def test_every_setting_named_is_one_that_there_is():
    written = ConfigParser(interpolation=None)
    written.read(ROOT / "luigi.cfg")
    named = re.findall(r"`\[(\w+)\] (\w+)", EVERYTHING)

    assert named
    for section, key in named:
        known = config.SECTIONS[section].__dataclass_fields__ if section in config.SECTIONS else written[section]
        assert key in known, f"[{section}] {key}"


def test_the_exit_codes_are_those_of_the_settings():
    written = ConfigParser(interpolation=None)
    written.read(ROOT / "luigi.cfg")
    documented = set(re.findall(r"^\| (\d\d) \|", (ROOT / "docs/operations.md").read_text(), re.MULTILINE))

    assert documented == set(written["retcode"].values())


def test_the_exit_codes_of_lakeshift_are_documented_and_below_its_help():
    _, _, section = (ROOT / "docs/operations.md").read_text().partition("`lakeshift`, whatever the command:\n\n")
    rows = re.findall(r"^\| (\d+) \| ([^(|]+?) (?:\([^|]*)?\|$", section.partition("\n\n")[0], re.MULTILINE)

    assert [(int(code), meaning) for code, meaning in rows] == list(MEANINGS.items())
    assert all(f"{code} {meaning}" in typer.main.get_command(app).epilog for code, meaning in rows)


def test_the_changelog_has_what_is_not_released_yet():
    assert "\n## Unreleased\n\n### Added\n" in (ROOT / "CHANGELOG.md").read_text()
