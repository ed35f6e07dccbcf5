"""What the briefs say of markets changes no request: nothing is bought for it, no sheet is made."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nbp_dagster.briefs.load import load_briefs
from nbp_dagster.prompts.expansion import expand
from nbp_dagster.prompts.render_context import render_context_of
from nbp_dagster.prompts.request import (
    PAGE_CAPABILITIES,
    ImageRequest,
    Sheet,
    compile_request,
    compile_sheet_request,
)
from tests.rigs.briefs import BRAND, campaign, shot, write_briefs

SAID = {
    "markets": ["eu", "US-NY"],
    "realism": "photoreal",
    "disclosure": {"off": "the player says it"},
}


def requests(
    folder: Path, *, said: Mapping[str, Any] = {}, kind: Mapping[str, Any] = {}
) -> list[ImageRequest]:
    characters = {name: {**each, **kind} for name, each in BRAND["characters"].items()}
    own = {"disclosure": {"words": {"en": "Made with AI"}}, "realism": "photoreal"} if said else {}
    brand = {**BRAND, "characters": characters, **own}
    briefs = load_briefs(write_briefs(folder, campaign(shot("kitchen"), **said), brand=brand))
    sheets = {
        f"hilltop/{name}": Sheet(f"hilltop/{name}", ("a" * 64,), ("sheet.png",), "generated")
        for name in characters
    }
    pictures = [
        compile_request(
            briefs,
            prompt,
            provider="oxen",
            capabilities=PAGE_CAPABILITIES,
            sheets=sheets,
            digests={},
        )
        for prompt in expand(briefs)
    ]
    drawn = [
        compile_sheet_request(briefs, key, provider="oxen", capabilities=PAGE_CAPABILITIES)
        for key in sheets
    ]
    return [*pictures, *drawn]


def test_what_markets_need_changes_no_request_and_no_sheet(tmp_path: Path) -> None:
    plain = requests(tmp_path / "plain")
    said = requests(tmp_path / "said", said=SAID, kind={"kind": "person"})

    assert said == plain
    assert [each.fingerprint for each in said] == [each.fingerprint for each in plain]
    assert len(plain) == 3


def test_a_label_s_fonts_are_there_where_no_copy_is_set(tmp_path: Path) -> None:
    brand = {**BRAND, "characters": {"ada": {**BRAND["characters"]["ada"], "kind": "person"}}}
    made = campaign(shot("kitchen"), markets=["eu"], realism="photoreal")
    briefs = load_briefs(write_briefs(tmp_path, made, brand=brand))

    context = render_context_of(briefs, expand(briefs)[0])

    assert context.fonts.keys() == {"en"}
    label = context.label("all")
    assert label is not None
    assert label.words == "AI-generated"
