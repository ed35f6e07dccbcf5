"""The files of `deploy/` as data."""

import re
from collections.abc import Iterator, Mapping
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
DOCKER = DEPLOY / "docker"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
ENVIRONMENTS = sorted(DEPLOY.rglob("*env.example"))

_VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)(?::([-?])([^}]*))?\}")


def read_yaml(path: Path) -> dict[str, Any]:
    return dict(yaml.safe_load(path.read_text("utf-8")))


def read_environment(path: Path) -> dict[str, str]:
    """Return the variables of an environment file; a line that is neither fails."""
    lines = [line for line in path.read_text("utf-8").splitlines() if not line.startswith("#")]
    pairs = [line.partition("=") for line in lines if line]
    assert all(mark == "=" for _, mark, _ in pairs), path
    return {name: value for name, _, value in pairs}


def read_unit(path: Path) -> Mapping[str, Mapping[str, str]]:
    """Return the sections of a unit; a key that stands twice fails."""
    # The type's own way to keep names as they are written.
    parser = ConfigParser(interpolation=None, delimiters=("=",), comment_prefixes=("#",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(path.read_text("utf-8"))
    return {name: dict(parser[name]) for name in parser.sections()}


def fill(value: str, *, secret: str) -> str:
    """Return a value of a compose file where only what must be set is set, to one secret."""
    return _VARIABLE.sub(lambda found: secret if found[2] == "?" else str(found[3] or ""), value)


def list_interpolated(value: object) -> Iterator[tuple[str, str | None]]:
    """Yield every `${VARIABLE}` of a compose file, and how it stands where it is not set."""
    if isinstance(value, str):
        for found in _VARIABLE.finditer(value):
            yield found[1], found[2]
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from list_interpolated(each)
    elif isinstance(value, list):
        for each in value:
            yield from list_interpolated(each)
