"""Imports point inward only, and the outer world enters at one place each."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "nbp_dagster"

# Each ring may import itself and what is listed; `base` are the root modules without a ring.
ALLOWED = {
    "base": set[str](),
    "brand": {"base"},
    "oxen": {"base"},
    "simulator": set[str](),
    "studio": {"base", "brand", "oxen"},
    "settings": {"base"},
    "resources": {"base", "brand", "oxen", "simulator", "studio"},
    "assets": {"base", "brand", "oxen", "studio", "resources"},
    "components": {"base", "brand", "studio", "resources", "assets"},
    "root": {
        *("base", "brand", "oxen", "simulator", "settings"),
        *("studio", "resources", "assets", "components", "root"),
    },
    "defs": set[str](),
}
BASE_MODULES = {"addresses", "errors", "clock", "version"}
ROOT_MODULES = {
    *("project", "launching", "running", "reporting", "ledger_page", "cli", "event_log"),
    "notifications",
    "sheet_commands",
    "whois_page",
}
DAGSTER_RINGS = {"resources", "assets", "components", "root"}


def ring_of(module: str) -> str:
    """Return the ring of `nbp_dagster.<first>...`."""
    first = module.removeprefix("nbp_dagster").strip(".").split(".")[0]
    if first in ("", "__init__", *BASE_MODULES):
        return "base"
    return "root" if first in ROOT_MODULES else first


def modules() -> Iterator[Path]:
    yield from sorted(PACKAGE.rglob("*.py"))


def imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module or ""


def dotted(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)


@pytest.mark.parametrize("path", list(modules()), ids=dotted)
def test_imports_point_inward(path: Path) -> None:
    ring = ring_of(dotted(path))
    for name in imports_of(path):
        if name.split(".")[0] == "nbp_dagster":
            target = ring_of(name)
            assert target == ring or target in ALLOWED[ring], f"{ring} may not import {name}"


@pytest.mark.parametrize("path", list(modules()), ids=dotted)
def test_the_outside_world_enters_at_one_place(path: Path) -> None:
    ring = ring_of(dotted(path))
    packages = {name.split(".")[0] for name in imports_of(path)}
    if ring not in DAGSTER_RINGS:
        assert "dagster" not in packages
    if ring != "oxen":
        assert "requests" not in packages
    if ring in ("brand", "oxen"):
        assert "PIL" not in packages


@pytest.mark.parametrize("path", list(modules()), ids=dotted)
def test_only_settings_read_the_environment(path: Path) -> None:
    if path.name == "settings.py":
        return
    names = {
        f"{node.value.id}.{node.attr}"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }
    assert not names & {"os.environ", "os.getenv", "os.environb"}


def test_every_module_belongs_to_a_known_ring() -> None:
    assert {ring_of(dotted(path)) for path in modules()} <= ALLOWED.keys()


@pytest.mark.parametrize("path", list(modules()), ids=dotted)
def test_files_stay_small_enough_to_read(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= 450, f"{path.name} has {lines} lines: two rooms may be one"
