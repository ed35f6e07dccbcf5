"""One campaign over every channel: each rendition carries the label that its row asks for."""

import io
import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageChops

from nbp_dagster.briefs.channels import Channel, load_packaged_channels
from nbp_dagster.briefs.load import load_briefs
from nbp_dagster.prompts.expansion import expand
from nbp_dagster.prompts.render_context import RenderContext, render_context_of
from nbp_dagster.studio.checks.check_table import Finding
from nbp_dagster.studio.checks.disclosure_check import Disclosed, judge_label
from nbp_dagster.studio.imaging.boxes import overlap_of
from nbp_dagster.studio.imaging.places import Places
from nbp_dagster.studio.imaging.resize import Rendition, build_pyramid, render_channel
from nbp_dagster.studio.renditions.disclosure_layer import LabelledSetter
from nbp_dagster.studio.typography.copy_fit import LocaleCopy
from nbp_dagster.studio.typography.copy_layer import CopySetter, find_taken
from nbp_dagster.studio.typography.simulated_watermark import find_plate
from tests.rigs.briefs import BRAND, campaign, shot, write_briefs
from tests.rigs.pictures import draw_scene

CHANNELS = load_packaged_channels()
EU, NEW_YORK = "eu_ai_act_50", "us_ny_gbl_396b"
COPY = {
    "headline": "Slow mornings win",
    "sub": "Fresh spring roast, every week.",
    "call_to_action": "Shop the roast",
    "disclaimer": "Contains caffeine.",
}
# A head in the upper middle of the picture, over a body.
PLACES = Places(original="a" * 64, heads=((0.38, 0.1, 0.62, 0.42),), subject=(0.25, 0.1, 0.75, 1.0))


def context_of(
    folder: Path, *, markets: Sequence[str], kind: str = "person", locale: str = "en"
) -> RenderContext:
    members: dict[str, Any] = {"ada": {**BRAND["characters"]["ada"], "kind": kind}}
    made = campaign(
        shot("kitchen"),
        channels=list(CHANNELS),
        locales=[locale],
        markets=list(markets),
        realism="photoreal",
    )
    briefs = load_briefs(write_briefs(folder, made, brand={**BRAND, "characters": members}))
    return render_context_of(briefs, expand(briefs)[0])


@cache
def original() -> Any:
    return build_pyramid(draw_scene(1200, 1200))


def render(
    context: RenderContext,
    channel: Channel,
    *,
    with_copy: bool,
    simulated: bool = False,
    places: Places = PLACES,
) -> tuple[Rendition, LabelledSetter, Finding]:
    locale = context.campaign.locales[0]
    setter = CopySetter(context, channel, LocaleCopy(locale, COPY if with_copy else {}), simulated)
    spec = context.label(locale)
    layer = LabelledSetter(setter, spec, original().size, places)
    rendition = render_channel(
        original(),
        channel,
        typeset=layer.typeset if setter.is_needed else None,
        beside=layer.compose,
        compose=layer.compose if setter.is_banner else None,
        watermark=layer.watermark if simulated else None,
        label=None if setter.is_needed else layer.finish,
        places=places,
    )
    written = Image.open(io.BytesIO(rendition.data)).convert("RGB")
    found = judge_label(Disclosed(context.need, spec, layer.label), channel, lambda: written)
    return rendition, layer, found


def covered(rendition: Rendition, layer: LabelledSetter) -> Iterator[str]:
    """What a label covers, measured here anew: copy, button, and the middle of every head."""
    assert layer.label is not None
    for name, box in layer.setter.taken.items():
        if overlap_of(layer.label.box, box) > 0:
            yield name
    for left, top, right, bottom in find_taken(rendition.crop, original().size, PLACES).heads:
        wide, high = (right - left) / 4, (bottom - top) / 4
        if overlap_of(layer.label.box, (left + wide, top + high, right - wide, bottom - high)) > 0:
            yield "face"


@pytest.mark.parametrize("with_copy", [True, False], ids=["copy", "wordless"])
@pytest.mark.parametrize("channel", CHANNELS.values(), ids=CHANNELS.keys())
def test_on_every_channel_the_label_is_legible_and_covers_nothing(
    tmp_path: Path, channel: Channel, with_copy: bool
) -> None:
    context = context_of(tmp_path, markets=["eu", "US-NY"])
    rendition, layer, found = render(context, channel, with_copy=with_copy)

    assert found.verdict == "passed", found.sentence
    assert float(found.figures["label_ratio"]) >= 4.5
    assert layer.label is not None
    assert layer.label.words == "AI-generated"
    assert list(covered(rendition, layer)) == []


@pytest.mark.parametrize(
    ("kind", "markets", "rules", "icon"),
    [
        ("person", ["eu"], [EU], "fully_generated"),
        ("person", ["US-NY"], [NEW_YORK], None),
        ("person", ["JP"], [], None),
        ("mascot", ["eu"], [EU], "fully_generated"),
        ("mascot", ["US-NY"], [], None),
        ("mascot", ["JP"], [], None),
    ],
)
@pytest.mark.parametrize("channel", ["display_320x50", "instagram_story", "print_a4"])
def test_a_rendition_carries_exactly_what_its_row_says(
    tmp_path: Path, channel: str, kind: str, markets: list[str], rules: list[str], icon: str | None
) -> None:
    context = context_of(tmp_path, markets=markets, kind=kind)
    rendition, layer, found = render(context, CHANNELS[channel], with_copy=True)

    assert found.verdict == "passed", found.sentence
    assert [rule.id for rule in context.need.rules] == rules
    assert (layer.label is not None) == bool(rules)
    assert layer.label is None or layer.label.icon == icon
    if not rules:
        plain = context_of(tmp_path / "plain", markets=[], kind=kind)
        same, _, _ = render(plain, CHANNELS[channel], with_copy=True)
        assert rendition.image.tobytes() == same.image.tobytes()


@pytest.mark.parametrize("channel", ["display_320x50", "display_300x250", "display_970x250"])
def test_the_simulated_mark_stays_free(tmp_path: Path, channel: str) -> None:
    context = context_of(tmp_path, markets=["eu"])
    _, layer, found = render(context, CHANNELS[channel], with_copy=True, simulated=True)

    assert layer.label is not None
    assert "SIMULATED" not in " ".join(layer.label.covers), found.sentence


# A group that fills the picture: wherever type stands on it, it stands on somebody.
CROWD = Places(
    original="a" * 64,
    heads=tuple(
        (x / 4 + 0.01, y / 4 + 0.01, x / 4 + 0.24, y / 4 + 0.24) for x in range(4) for y in range(4)
    ),
)


@pytest.mark.parametrize(
    "channel", ["instagram_square", "instagram_story", "linkedin_post", "display_300x250"]
)
def test_where_no_place_on_the_picture_is_free_copy_stands_beside_it(
    tmp_path: Path, channel: str
) -> None:
    context = context_of(tmp_path, markets=["eu"])
    rendition, layer, found = render(context, CHANNELS[channel], with_copy=True, places=CROWD)

    assert rendition.crop.method != "cover"
    assert set(layer.setter.taken) >= {"headline", "call_to_action", "disclaimer"}
    assert found.verdict == "passed", found.sentence
    for head in find_taken(rendition.crop, original().size, CROWD).heads:
        assert not any(overlap_of(head, item.box) for item in layer.setter.text_boxes)


def test_the_simulated_mark_keeps_off_heads(tmp_path: Path) -> None:
    context = context_of(tmp_path, markets=[])
    head = (0.7, 0.0, 1.0, 0.3)
    places = Places(original="a" * 64, heads=(head,), subject=head)
    channel = CHANNELS["instagram_square"]
    for with_copy in (True, False):
        marked, layer, _ = render(
            context, channel, with_copy=with_copy, simulated=True, places=places
        )
        [spot] = find_taken(marked.crop, original().size, places).heads
        mark = find_plate(marked.image.size, layer.setter.avoided)
        assert not with_copy or overlap_of(mark, spot) == 0
    wordless = layer.watermark(Image.new("RGB", (1080, 1080), "white"), marked.crop)
    changed = ImageChops.difference(wordless, Image.new("RGB", (1080, 1080), "white")).getbbox()
    assert changed is not None
    assert overlap_of(changed, spot) == 0


@pytest.mark.parametrize(
    ("locale", "words"), [("en", "AI-generated"), ("de", "KI-generiert"), ("fr", "Généré par IA")]
)
@pytest.mark.parametrize(
    "channel", ["display_320x50", "display_728x90", "display_160x600", "instagram_feed", "print_a4"]
)
def test_text_recognition_finds_the_words(
    tmp_path: Path, channel: str, locale: str, words: str
) -> None:
    pytest.importorskip("rapidocr", reason='needs pip install "nbp-dagster[ocr]"')
    from nbp_dagster.studio.checks.ocr.ocr_engine import load_engine

    context = context_of(tmp_path, markets=["eu"], locale=locale)
    rendition, layer, _ = render(context, CHANNELS[channel], with_copy=True)
    assert layer.label is not None
    left, top, right, bottom = layer.label.text_box
    part = rendition.image.crop((left - 2, top - 1, right + 2, bottom + 1))
    scale = 30 / layer.label.size
    large = part.resize((round(part.width * scale), round(part.height * scale)))
    ground = Image.new("RGB", (large.width + 80, large.height + 80), part.getpixel((0, 0)))
    ground.paste(large, (40, 40))

    read = "".join(line.text for line in load_engine().read(ground))

    assert letters_of(read) == letters_of(words)


def letters_of(text: str) -> str:
    """The letters of a text; those that Inter draws alike are one."""
    return re.sub(r"\W", "", text.translate(str.maketrans("l|1", "III")))
