"""Imports point inward only, rooms stay small, and the outer world enters at one place each."""

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "nbp_dagster"

# Each room may import itself and the rooms on the lines above it; docs/architecture.md draws this.
ORDER = (
    ("base", "_dagster_private", "simulator", "defs"),
    ("oxen.sockets", "telemetry"),
    # One module that both the settings and the rooms below the studio may import.
    ("instance", "yaml_source", "oxen", "studio.options", "studio.storage", "studio.vision"),
    ("briefs", "oxen.rate_limit", "settings"),
    ("disclosure",),
    ("prompts", "studio.imaging", "studio.typography.letters"),
    ("studio.ledger", "studio.manifest", "studio.typography", "studio.checks.characters"),
    ("studio.references", "studio.provenance", "studio.shared_state", "studio.runs"),
    ("studio.ordering", "studio.purchasing", "studio.checks"),
    ("studio.checks.ocr", "studio.sets"),
    ("studio.checks.edits", "studio.sharing"),
    ("studio.renditions", "studio.review"),
    ("studio.delivery", "studio.report", "studio.retention"),
    ("studio",),
    ("studio.canary", "studio.asking", "studio.thresholds", "authoring"),
    ("review_app",),
    ("resources",),
    ("assets",),
    ("automation",),
    ("components", "project"),
    ("cli",),
)
# Modules of the package's top level that belong to no room, and those that are a room's.
BASE_MODULES = {
    "__init__",
    "addresses",
    "clock",
    "errors",
    "file_kinds",
    "foreign_text",
    "gc_pause",
    "interrupts",
    "lock_waits",
    "version",
}
TOP_LEVEL = {"event_log": "instance", "__main__": "cli"}
# Who may import what is outside: a package of the outer world, and the rooms it enters by.
GATES = {
    "dagster": {
        "_dagster_private",
        "instance",
        "resources",
        "assets",
        "automation",
        "components",
        "project",
        "cli",
    },
    "requests": {"oxen", "oxen.sockets"},
    # Who tells of a run knows `telemetry.observer` alone, which imports nothing of it.
    "opentelemetry": {"telemetry"},
}
WITHOUT_PIXELS = {
    "yaml_source",
    "briefs",
    "disclosure",
    "prompts",
    "oxen",
    "oxen.rate_limit",
    "oxen.sockets",
}
MOST_MODULES = 15


def list_allowed() -> dict[str, set[str]]:
    """Return what each room may import besides itself."""
    allowed: dict[str, set[str]] = {}
    for line in ORDER:
        below = set(allowed)
        allowed.update({room: below for room in line})
    # It stands alone, so that it can be taken for the service itself.
    allowed["simulator"] = set()
    return allowed


ALLOWED = list_allowed()


def room_of(module: str) -> str:
    """Return the innermost known room of `nbp_dagster.<room>.<module>`."""
    parts = module.split(".")[1:] or ["__init__"]
    if parts[0] in BASE_MODULES:
        return "base"
    if len(parts) == 1 and parts[0] in TOP_LEVEL:
        return TOP_LEVEL[parts[0]]
    rooms = (".".join(parts[:end]) for end in range(len(parts), 0, -1))
    return next((room for room in rooms if room in ALLOWED), parts[0])


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
    room = room_of(dotted(path))
    for name in imports_of(path):
        if name.split(".")[0] == "nbp_dagster":
            target = room_of(name)
            assert target == room or target in ALLOWED[room], f"{room} may not import {name}"


@pytest.mark.parametrize("path", list(modules()), ids=dotted)
def test_the_outside_world_enters_at_one_place(path: Path) -> None:
    room = room_of(dotted(path))
    names = set(imports_of(path))
    packages = {name.split(".")[0] for name in names}
    if "nbp_dagster._dagster_private" in names:
        packages.add("dagster")
    for package, rooms in GATES.items():
        assert package not in packages or room in rooms, f"{room} may not import {package}"
    if room in WITHOUT_PIXELS:
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


def test_every_module_belongs_to_a_known_room() -> None:
    assert {room_of(dotted(path)) for path in modules()} <= ALLOWED.keys()


def test_no_room_has_more_modules_than_can_be_looked_over() -> None:
    sizes = Counter(path.parent for path in modules() if path.name != "__init__.py")
    full = {str(room): size for room, size in sizes.items() if size > MOST_MODULES}
    assert not full, f"more than {MOST_MODULES} modules: {full}"


def test_every_room_says_in_one_sentence_what_it_is_for() -> None:
    rooms = [path for path in PACKAGE.rglob("__init__.py") if path.parent != PACKAGE]
    for path in rooms:
        text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
        assert text, f"{path} has no sentence"
        assert text.endswith("."), f"{path}: {text!r}"
        assert "\n" not in text, f"{path}: more than one line"


@pytest.mark.parametrize("path", list(modules()), ids=dotted)
def test_files_stay_small_enough_to_read(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= 450, f"{path.name} has {lines} lines: two rooms may be one"
