"""A section of the settings for a new pipeline, in luigi.cfg and where core reads it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from string import Template

from pipeline.core.errors import PipelineError

SECTIONS, CONFIG, LUIGI_CFG = "pipeline/core/sections.py", "pipeline/core/config.py", "luigi.cfg"
IMPORTED = re.compile(r"(?<=from pipeline\.core\.sections import \(\n)    SECTIONS,\n((?:    \w+,\n)+)")
# Before what, in which file, what is put.
PUT = (
    (
        SECTIONS,
        re.compile(r"^SECTIONS: dict\[str, type\] = \{\n", re.MULTILINE),
        '''@dataclass(frozen=True)
class $Section:
    """What belongs to the $name pipeline alone."""

    timezone: ZoneInfo = setting("UTC", as_zone, "a zone of the IANA database, such as Europe/London")


''',
    ),
    (SECTIONS, re.compile(r"^\}\n\Z", re.MULTILINE), '    "$name": $Section,\n'),
    (
        CONFIG,
        re.compile(r"^def scheduler_address\(", re.MULTILINE),
        """def $name() -> $Section:
    return read_section("$name", $Section)


""",
    ),
    (LUIGI_CFG, re.compile(r"\Z"), "\n[$name]\n# Where its days end.\ntimezone = UTC\n"),
)


def changed_settings(names: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Return the texts of the files that know the settings, with those of a new pipeline, by their paths."""
    texts = {path: (folder / path).read_text(encoding="utf-8") for path in (SECTIONS, CONFIG, LUIGI_CFG)}
    for path, place, text in PUT:
        found = _only(place, texts[path], path)
        texts[path] = texts[path][: found.start()] + Template(text).substitute(names) + texts[path][found.start() :]
    found = _only(IMPORTED, texts[CONFIG], CONFIG)
    classes = sorted([*found[1].splitlines(keepends=True), f"    {names['Section']},\n"])
    texts[CONFIG] = texts[CONFIG][: found.start(1)] + "".join(classes) + texts[CONFIG][found.end(1) :]
    return texts


def _only(place: re.Pattern[str], text: str, path: str) -> re.Match[str]:
    found = place.search(text)
    if found is None:
        raise PipelineError(f"{path} has no {place.pattern!r} any more, where the settings of a pipeline are put.")
    return found
