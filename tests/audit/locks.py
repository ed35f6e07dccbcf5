"""The lock files: exact versions with hashes, and whether pyproject and the environment agree."""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]
LOCKS = (ROOT / "requirements.lock", ROOT / "requirements-extras.lock")
# What an environment has beside what is locked: the tools that made it, and the project itself.
_OWN = frozenset({"pip", "setuptools", "wheel", "nbp-dagster"})
_HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class Pin:
    """One locked package: its canonical name, its exact version, on machines its marker names."""

    name: str
    version: str
    requirement: Requirement

    @property
    def is_for_this_machine(self) -> bool:
        """Whether its marker holds here."""
        return self.requirement.marker is None or self.requirement.marker.evaluate()


def read_lock(text: str, *, name: str) -> tuple[list[Pin], list[str]]:
    """Return the pins of a lock, and what is wrong with its lines."""
    pins, problems = [], []
    for line in text.replace("\\\n", " ").splitlines():
        words = line.split("#", 1)[0].strip()
        if not words:
            continue
        said, *options = words.split(" --")
        hashes = [f"--{option.strip()}" for option in options]
        try:
            requirement = Requirement(said)
        except InvalidRequirement:
            problems.append(f"{name}: {words[:80]!r} is no requirement of a package by name")
            continue
        found = re.fullmatch(r"==([^*,]+)", str(requirement.specifier))
        if requirement.url or found is None:
            problems.append(f"{name}: {requirement.name} is not held to one version")
        elif not hashes or not all(map(_HASH.fullmatch, hashes)):
            problems.append(f"{name}: {requirement.name} has no sha256, or something beside it")
        else:
            key = canonicalize_name(requirement.name)
            pins.append(Pin(key, found.group(1), requirement))
    return pins, problems


def compare_with_project(pins: Iterable[Pin], project: Mapping[str, object]) -> Iterator[str]:
    """Yield what pyproject.toml asks for and no lock has, or has in another version."""
    versions: dict[str, list[str]] = {}
    for pin in pins:
        versions.setdefault(pin.name, []).append(pin.version)
    for wanted in _list_wanted(project):
        name = canonicalize_name(wanted.name)
        if name in _OWN:
            continue
        locked = versions.get(name, [])
        if not locked:
            yield f"pyproject.toml asks for {wanted}, which no lock has"
        for version in locked:
            if not wanted.specifier.contains(version, prereleases=True):
                yield f"pyproject.toml asks for {wanted}, the lock has {version}"


def compare_with_installed(pins: Iterable[Pin], installed: Mapping[str, str]) -> Iterator[str]:
    """Yield what is installed in another version than the lock's, or in none of its own."""
    locked = {pin.name: pin.version for pin in pins if pin.is_for_this_machine}
    for name, version in sorted(installed.items()):
        if name in _OWN:
            continue
        if name not in locked:
            yield f"{name} {version} is installed, and in no lock"
        elif Version(locked[name]) != Version(version):
            yield f"{name} {version} is installed, the lock has {locked[name]}"


def read_installed() -> dict[str, str]:
    """Return the packages of this environment, by canonical name."""
    return {canonicalize_name(each.metadata["Name"]): each.version for each in distributions()}


def read_project() -> Mapping[str, object]:
    """Return the table `project` of pyproject.toml."""
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    found: Mapping[str, object] = tomllib.loads(text)["project"]
    return found


# Buckets of other clouds are tried by nobody here, and locked by nobody: pip chooses them.
UNLOCKED_EXTRAS = frozenset({"azure", "gcs"})


def _list_wanted(project: Mapping[str, object]) -> Iterator[Requirement]:
    needed = project["dependencies"]
    extras = project["optional-dependencies"]
    assert isinstance(needed, list)
    assert isinstance(extras, Mapping)
    groups = [rows for name, rows in extras.items() if name not in UNLOCKED_EXTRAS]
    yield from (Requirement(row) for rows in (needed, *groups) for row in rows)
