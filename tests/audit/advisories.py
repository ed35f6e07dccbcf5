"""Known vulnerabilities of locked versions, from a folder of advisories in the OSV form.

The advisory database of the Python Packaging Authority is such a folder, and so is any mirror of
it: no network is needed, and none is asked.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from tests.audit.locks import Pin


def find_vulnerable(pins: list[Pin], folder: Path) -> Iterator[str]:
    """Yield one line for each advisory that a locked version is affected by.

    Raises:
        ValueError: The folder has no advisory, or one that can't be read.
    """
    by_name: dict[str, set[str]] = {}
    for pin in pins:
        by_name.setdefault(pin.name, set()).add(pin.version)
    files = [path for path in sorted(folder.rglob("*")) if path.suffix in (".yaml", ".json")]
    if not files:
        raise ValueError(f"{folder} has no advisories (.yaml or .json in the OSV form)")
    for path in files:
        advisory = _read(path)
        if advisory.get("withdrawn"):
            continue
        for affected in advisory.get("affected", []):
            name = canonicalize_name(str(affected.get("package", {}).get("name", "")))
            for version in sorted(by_name.get(name, ())):
                if _is_affected(Version(version), affected):
                    summary = str(advisory.get("summary") or advisory.get("details") or "")
                    first = next(iter(summary.strip().splitlines()), "")
                    yield f"{name} {version}: {advisory.get('id')} {first[:120]}".rstrip()


def _read(path: Path) -> Mapping[str, Any]:
    text = path.read_text("utf-8")
    try:
        found = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    except (ValueError, yaml.YAMLError) as error:
        raise ValueError(f"{path} can't be read: {error}") from error
    if not isinstance(found, Mapping):
        raise ValueError(f"{path} is no advisory")
    return found


def _is_affected(version: Version, affected: Mapping[str, Any]) -> bool:
    if version in map(_version, affected.get("versions", [])):
        return True
    ranges = [each for each in affected.get("ranges", []) if each.get("type") == "ECOSYSTEM"]
    return any(_is_within(version, each.get("events", [])) for each in ranges)


def _is_within(version: Version, events: list[Mapping[str, str]]) -> bool:
    """Whether the last event at or before a version is one that makes it vulnerable."""
    inside = False
    for event in events:
        if "introduced" in event:
            start = event["introduced"]
            inside = inside or start == "0" or version >= Version(start)
        elif "fixed" in event:
            inside = inside and version < Version(event["fixed"])
        elif "last_affected" in event:
            inside = inside and version <= Version(event["last_affected"])
    return inside


def _version(text: object) -> Version | None:
    try:
        return Version(str(text))
    except InvalidVersion:
        return None
