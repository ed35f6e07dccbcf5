"""The code location is the one that is written down; a change of it is seen in the diff."""

import re

from tests.orchestration.definitions_golden import GOLDEN, UPDATE_COMMAND, render_definitions


def test_the_code_location_is_the_one_kept_as_text() -> None:
    kept = GOLDEN.read_text(encoding="utf-8")

    assert render_definitions() == kept, f"look at the difference; if it is meant: {UPDATE_COMMAND}"


def test_what_runs_by_itself_is_in_the_page_of_automation() -> None:
    page = (GOLDEN.parents[2] / "docs" / "automation.md").read_text(encoding="utf-8")
    found = re.findall(r"^(sensor|schedule) (\w+):.* (\w+)$", render_definitions(), re.MULTILINE)

    assert len(found) == 5
    for kind, name, status in found:
        shown = name.replace("refresh_winter", "refresh_<campaign>")
        assert re.search(rf"^\| `{shown}` \| {kind}.*\| {status} \|", page, re.MULTILINE), name
