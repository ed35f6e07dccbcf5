"""What was edited between two requests of one picture, by its part of the brief; no guesses."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nbp_dagster.briefs.brief import Briefs
from nbp_dagster.briefs.load import load_briefs
from nbp_dagster.prompts.expansion import expand
from nbp_dagster.prompts.reference_selection import Reference, Sheet
from nbp_dagster.prompts.request import (
    PAGE_CAPABILITIES,
    ImageRequest,
    compile_request,
    compile_sheet_request,
)
from nbp_dagster.prompts.request_changes import (
    PENDING_DIGEST,
    UNKNOWN,
    FormerRequest,
    find_changes,
)
from tests.rigs.briefs import BRAND, campaign, shot, write_briefs

KEY = "winter/kitchen/en/1x1/v2"
NAMES = {"Ada": "ada", "Ben": "ben"}
# Every part of the template: two characters, a product, drawn words, and a variant.
BRAND_OF_ALL = {
    **BRAND,
    "products": {"tin": {"name": "Tea Tin", "description": "round tin", "references": []}},
}
SHOT = {
    **shot("kitchen", scene="Ada hands Ben a cup", characters=["ada", "ben"]),
    "products": ["tin"],
    "text": "drawn",
    "copy": {"headline": {"en": "Warm hands"}},
}
SHEETS = {
    f"hilltop/{name}": Sheet(
        f"hilltop/{name}", (name * 8,), (f"sheet:hilltop/{name}",), "generated"
    )
    for name in ("ada", "ben")
}


def compiled(
    folder: Path,
    *,
    brand: Mapping[str, Any] = BRAND_OF_ALL,
    scene: Mapping[str, Any] = SHOT,
    sheets: Mapping[str, Sheet] = SHEETS,
    **changes: Any,
) -> ImageRequest:
    briefs = read(folder, brand, campaign(scene, variants=2, **changes))
    [prompt] = [item for item in expand(briefs) if item.key == KEY]
    return compile_request(
        briefs,
        prompt,
        provider="oxen",
        capabilities=PAGE_CAPABILITIES,
        sheets=sheets,
        digests={},
    )


def read(folder: Path, brand: Mapping[str, Any], *campaigns: Mapping[str, Any]) -> Briefs:
    return load_briefs(write_briefs(folder, *campaigns, brand=brand))


def former(request: ImageRequest, **changes: Any) -> FormerRequest:
    described = FormerRequest(
        provider=request.provider,
        model=request.model,
        prompt=request.prompt,
        parameters=dict(request.parameters),
        references=request.references,
        variant=request.variant,
        fingerprint=request.fingerprint,
    )
    return replace(described, **changes)


def with_character(name: str, **changes: Any) -> dict[str, Any]:
    characters = BRAND_OF_ALL["characters"]
    return {**BRAND_OF_ALL, "characters": {**characters, name: {**characters[name], **changes}}}


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        ({"scene": {**SHOT, "scene": "Ada hands Ben a lamp"}}, "scene edited"),
        (
            {"scene": {**SHOT, "copy": {"headline": {"en": "Warm heads"}}}},
            "drawn words edited",
        ),
        (
            {"brand": with_character("ben", traits=["tall man", "grey beard"])},
            "traits of ben edited",
        ),
        ({"brand": with_character("ada", wardrobe=["red coat"])}, "wardrobe of ada edited"),
        ({"brand": with_character("ada", may_vary=["hair"])}, "what may vary of ada edited"),
        ({"brand": {**BRAND_OF_ALL, "style": "ink drawing"}}, "style edited"),
        ({"brand": {**BRAND_OF_ALL, "name": "Hillside Tea"}}, "name of the brand edited"),
        ({"brand": {**BRAND_OF_ALL, "typography": "slab serif"}}, "typography edited"),
        (
            {
                "brand": {
                    **BRAND_OF_ALL,
                    "products": {
                        "tin": {"name": "Tea Tin", "description": "square tin", "references": []}
                    },
                }
            },
            "products edited",
        ),
        (
            {"brand": {**BRAND_OF_ALL, "palette": {**BRAND["palette"], "accent": "#FFAA01"}}},
            "palette edited",
        ),
        ({"resolution": "2K"}, "resolution 1K, now 2K"),
        ({"parameters": {"safety_tolerance": "2"}}, "safety_tolerance not set, now 2"),
    ],
    ids=lambda item: item if isinstance(item, str) else "",
)
def test_one_edit_is_told_as_that_and_nothing_else(
    tmp_path: Path, edit: dict[str, Any], told: str
) -> None:
    before = compiled(tmp_path / "before")
    now = compiled(tmp_path / "now", **edit)

    assert find_changes(former(before), now, names=NAMES) == (told,)


def test_several_edits_are_all_told(tmp_path: Path) -> None:
    before = compiled(tmp_path / "before")
    now = compiled(
        tmp_path / "now",
        brand=with_character("ada", traits=["woman in her sixties"]),
        scene={**SHOT, "scene": "Ada waves"},
        resolution="4K",
    )

    assert find_changes(former(before), now, names=NAMES) == (
        "scene edited",
        "traits of ada edited",
        "resolution 1K, now 4K",
    )


def test_a_text_of_several_paragraphs_stays_with_its_part(tmp_path: Path) -> None:
    """As briefs of earlier versions could have."""
    now = compiled(tmp_path)
    text = now.prompt.replace("Ada hands Ben a cup", "Ada hands Ben a cup.\n\nBen sits")
    before = replace(now, prompt=text)

    assert find_changes(former(before), now, names=NAMES) == ("scene edited",)


def test_a_sheet_chosen_anew_is_named_by_its_character(tmp_path: Path) -> None:
    before = compiled(tmp_path / "before")
    other = {**SHEETS, "hilltop/ben": replace(SHEETS["hilltop/ben"], digests=("f" * 64,))}
    now = compiled(tmp_path / "now", sheets=other)

    assert find_changes(former(before), now, names=NAMES) == ("sheet of ben is another",)


def test_a_sheet_that_follows_from_edited_traits_is_not_told_beside_them(tmp_path: Path) -> None:
    before = compiled(tmp_path / "before")
    pending = replace(SHEETS["hilltop/ben"], digests=(PENDING_DIGEST,))
    sheets = {**SHEETS, "hilltop/ben": pending}
    edited = compiled(tmp_path / "now", brand=with_character("ben", traits=["x"]), sheets=sheets)
    same = compiled(tmp_path / "same", sheets=sheets)

    assert find_changes(former(before), edited, names=NAMES) == ("traits of ben edited",)
    assert find_changes(former(before), same, names=NAMES) == (
        "sheet of ben to be made or chosen first",
    )


def test_images_that_come_and_go_are_named_and_their_numbers_are_no_edit(tmp_path: Path) -> None:
    before = compiled(tmp_path / "before")
    logo = Reference("logo", "hilltop", "logo.png", "a" * 64)
    # The text renumbers the images behind one that is added.
    fewer = former(before, references=before.references[1:], fingerprint="unknown")
    more = former(before, references=(*before.references, logo), fingerprint="unknown")

    assert find_changes(fewer, before, names=NAMES) == ("sheet of ada added",)
    assert find_changes(more, before, names=NAMES) == ("logo no longer sent",)
    numbered = former(before, prompt=before.prompt.replace("Image 2", "Image 3"))
    assert find_changes(numbered, before, names=NAMES) == (UNKNOWN,)


def test_a_request_of_an_older_wording_is_known_by_its_fingerprint(tmp_path: Path) -> None:
    now = compiled(tmp_path)
    old = replace(now, prompt="Draw Ada and Ben.", prompt_version="1")

    assert find_changes(former(old), now, names=NAMES) == ("prompt version 1, now 2",)


def test_another_model_is_named(tmp_path: Path) -> None:
    now = compiled(tmp_path)

    changes = find_changes(former(replace(now, model="some-model")), now, names=NAMES)

    assert changes == (f"model some-model, now {now.model}",)


def test_what_does_not_explain_a_fingerprint_is_not_guessed(tmp_path: Path) -> None:
    now = compiled(tmp_path)

    assert find_changes(former(now, fingerprint="0" * 64), now, names=NAMES) == (UNKNOWN,)


def test_the_traits_behind_a_sheet_are_told_too(tmp_path: Path) -> None:
    def sheet(folder: str, brand: Mapping[str, Any]) -> ImageRequest:
        return compile_sheet_request(
            read(tmp_path / folder, brand, campaign(SHOT)),
            "hilltop/ada",
            provider="oxen",
            capabilities=PAGE_CAPABILITIES,
        )

    before = sheet("before", BRAND_OF_ALL)
    now = sheet("now", with_character("ada", traits=["woman in her sixties"]))

    assert find_changes(former(before), now, names=NAMES) == ("traits of ada edited",)
    candidate = former(replace(before, variant=2))
    assert find_changes(candidate, before, names=NAMES) == ("another variant of what is made",)
