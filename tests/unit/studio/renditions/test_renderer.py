"""What a prompt's renditions depend on."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from nbp_dagster.briefs.load import load_briefs
from nbp_dagster.disclosure.table import load_packaged_table
from nbp_dagster.prompts.expansion import expand
from nbp_dagster.prompts.reference_selection import Sheet
from nbp_dagster.prompts.render_context import RenderContext, render_context_of
from nbp_dagster.prompts.request import PAGE_CAPABILITIES, compile_request
from nbp_dagster.studio.ledger.orders import KeptImage, Receipt, Reused
from nbp_dagster.studio.renditions.renderer import recipe_of
from tests.rigs.briefs import BRAND, campaign, shot, write_briefs

CHANNEL = (
    "poster: {{name: Poster, width: 1000, height: 1000, ratio: '1:1', file_type: png, "
    "max_bytes: 9000000, source: house{more}}}\n"
)


def context_of(folder: Path, **changes: Any) -> RenderContext:
    brand = {**BRAND, "characters": {"ada": {**BRAND["characters"]["ada"], "kind": "person"}}}
    briefs = load_briefs(write_briefs(folder, campaign(shot("kitchen"), **changes), brand=brand))
    return render_context_of(briefs, expand(briefs)[0])


def recipe_in(context: RenderContext) -> str:
    key = context.prompt.key
    receipt = Receipt("f" * 64, key, "g1", Decimal("0.15"), 1, None, None, None, None, None)
    made = Reused(key, KeptImage("a" * 64, 1024, 1024, "png", 1), receipt)
    return recipe_of(context, made)


def recipe(folder: Path, *, more: str = "", channel: str = "poster") -> str:
    folder.mkdir()
    (folder / "channels.yaml").write_text(CHANNEL.format(more=more), encoding="utf-8")
    briefs = load_briefs(write_briefs(folder, campaign(shot("kitchen"), channels=[channel])))
    [prompt] = expand(briefs)
    receipt = Receipt("f" * 64, prompt.key, "g1", Decimal("0.15"), 1, None, None, None, None, None)
    made = Reused(prompt.key, KeptImage("a" * 64, 1024, 1024, "png", 1), receipt)
    return recipe_of(render_context_of(briefs, prompt), made)


def test_a_printed_width_makes_that_channel_s_renditions_again_and_no_others(
    tmp_path: Path,
) -> None:
    plain = recipe(tmp_path / "plain")

    assert recipe(tmp_path / "printed", more=", width_mm: 84.67") != plain
    assert recipe(tmp_path / "same") == plain
    elsewhere = [
        recipe(tmp_path / name, more=more, channel="instagram_square")
        for name, more in (("a", ""), ("b", ", width_mm: 84.67"))
    ]
    assert elsewhere[0] == elsewhere[1]


def test_an_edited_table_makes_renditions_again_where_markets_are_named_and_nowhere_else(
    tmp_path: Path,
) -> None:
    named = context_of(tmp_path / "named", markets=["eu"], realism="photoreal")
    silent = context_of(tmp_path / "silent")
    packaged = load_packaged_table()
    larger = [rule.model_copy(update={"least_px": 14}) for rule in packaged.rules]
    edited = packaged.model_copy(update={"rules": tuple(larger)})

    assert recipe_in(named) == recipe_in(named)
    assert recipe_in(replace(named, table=edited)) != recipe_in(named)
    assert recipe_in(replace(silent, table=edited)) == recipe_in(silent)
    # What platforms ask to declare holds without a market.
    other = [row.model_copy(update={"value": "1"}) for row in packaged.declarations]
    declared = packaged.model_copy(update={"declarations": tuple(other)})
    assert recipe_in(replace(silent, table=declared)) != recipe_in(silent)


def test_copy_of_one_locale_makes_renditions_of_all_again_and_buys_nothing(tmp_path: Path) -> None:
    def compiled(name: str, german: str) -> tuple[str, str]:
        lettered = {
            **shot("kitchen"),
            "text": "composited",
            "copy": {"headline": {"en": "Slow mornings", "de": german}},
        }
        made = campaign(lettered, locales=["en", "de"], channels=["display_160x600"])
        briefs = load_briefs(write_briefs(tmp_path / name, made))
        [prompt] = expand(briefs)
        request = compile_request(
            briefs,
            prompt,
            provider="oxen",
            capabilities=PAGE_CAPABILITIES,
            sheets={"hilltop/ada": Sheet("hilltop/ada", ("a" * 8,), ("sheet:ada",), "generated")},
            digests={},
        )
        return recipe_in(render_context_of(briefs, prompt)), request.fingerprint

    short, long = compiled("short", "Ruhige Morgen"), compiled("long", "Die Frühlingsröstung")

    assert short[0] != long[0]
    assert short[1] == long[1]
    assert compiled("same", "Ruhige Morgen") == short


def test_switching_the_record_of_heads_off_makes_records_anew(tmp_path: Path) -> None:
    context = context_of(tmp_path)
    key = context.prompt.key
    receipt = Receipt("f" * 64, key, "g1", Decimal("0.15"), 1, None, None, None, None, None)
    made = Reused(key, KeptImage("a" * 64, 1024, 1024, "png", 1), receipt)
    assert recipe_of(context, made, with_heads=False) != recipe_of(context, made)
    assert recipe_of(context, made, with_heads=True) == recipe_of(context, made)
