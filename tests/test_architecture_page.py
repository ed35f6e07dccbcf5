"""docs/architecture.md names the rooms in the order that the imports have, and files that exist."""

import re
from pathlib import Path

import pytest

from tests.test_architecture import ORDER, PACKAGE

PAGE = (PACKAGE.parent / "docs" / "architecture.md").read_text(encoding="utf-8")
# Change requests that an engineer of the field brings along; each has a row.
CHANGE_REQUESTS = 26
# `defs` is empty; the modules without a room stand in one row of their own.
UNLISTED = {"defs", "base"}


def rows_below(heading: str) -> list[list[str]]:
    """Return the cells of the first table under a heading, without its head."""
    text = PAGE.split(heading, 1)[1]
    table = re.search(r"(?:^\|.*\n)+", text, re.MULTILINE)
    assert table is not None
    lines = table[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def named(cell: str) -> list[str]:
    """Return what stands in backticks and looks like a path."""
    return [name for name in re.findall(r"`([^`]+)`", cell) if "/" in name or name.endswith(".py")]


@pytest.mark.parametrize("row", rows_below("## Where a change lands"), ids=lambda row: row[0])
def test_every_file_of_where_a_change_lands_exists(row: list[str]) -> None:
    first = named(row[1])
    assert first, f"{row[0]}: no file to open first"
    for name in (*first, *named(row[2])):
        places = (PACKAGE / name, PACKAGE.parent / name)
        assert any(place.exists() for place in places), f"{row[0]}: there is no {name}"


def test_where_a_change_lands_has_a_row_for_each_request_of_the_field() -> None:
    assert len(rows_below("## Where a change lands")) >= CHANGE_REQUESTS


def test_every_module_named_in_the_way_of_one_picture_exists() -> None:
    way = PAGE.split("## The way of one picture", 1)[1].split("##", 1)[0]
    for name in re.findall(r"`([a-z_]+(?:\.[a-z_]+)*)`", way):
        path = PACKAGE.joinpath(*name.split("."))
        assert path.is_dir() or path.with_suffix(".py").exists(), f"there is no {name}"


def test_the_rooms_stand_on_the_page_from_the_outside_in() -> None:
    rank = {room: number for number, line in enumerate(ORDER) for room in line}
    listed = [
        name.strip("`/").removesuffix(".py").replace("/", ".")
        for row in rows_below("# Architecture")
        for name in re.findall(r"`[a-z_./]+`", row[0])
    ]
    rooms = [room for room in listed if room in rank]
    assert set(rooms) == set(rank) - UNLISTED
    standing_alone = {"simulator", "instance"}
    ranks = [rank[room] for room in rooms if room not in standing_alone]
    assert ranks == sorted(ranks, reverse=True)


def test_every_test_module_mirrors_a_room_or_a_module() -> None:
    units = PACKAGE.parent / "tests" / "unit"
    rooms = {path.parent.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py")}
    # Of the tests' own helpers.
    rooms |= {Path("bench"), Path("fakes"), Path("rigs")}
    strays = {path.parent.relative_to(units) for path in units.rglob("test_*.py")} - rooms
    assert not strays, f"tests of rooms that are not there: {strays}"
