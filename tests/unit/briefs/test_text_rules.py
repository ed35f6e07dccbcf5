"""What briefs are refused for before anything is bought: terms, disclaimers, letters, fonts."""

import shutil
from pathlib import Path

import fontpkg_inter
import pytest

from nbp_dagster.briefs.brief import wording_of
from nbp_dagster.briefs.load import BriefError, load_briefs
from nbp_dagster.briefs.supplied_images import hash_brand
from tests.rigs.fonts import ARABIC

INTER = fontpkg_inter.ROOT / "files" / "Inter[opsz,wght].ttf"


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.fixture
def brand(config_dir: Path) -> Path:
    return config_dir / "brands" / "solstice.yaml"


@pytest.fixture
def campaign(config_dir: Path) -> Path:
    return config_dir / "campaigns" / "spring_launch.yaml"


def problems(config_dir: Path) -> list[str]:
    with pytest.raises(BriefError) as caught:
        load_briefs(config_dir)
    return [str(problem) for problem in caught.value.problems]


def test_words_a_scene_quotes_are_searched_for_the_terms_of_every_locale(
    config_dir: Path, campaign: Path
) -> None:
    edit(campaign, "into the rain.", "at a sign that says “Heilung”, and hopes for a cure.")

    assert problems(config_dir) == [
        "campaigns/spring_launch.yaml:24: shots[1].scene: 'Mira and Otto look out of the window "
        "at a sign that says “Heilung”, and hopes...' - quotes the prohibited term 'Heilung' of "
        "brand solstice; reword it"
    ]


@pytest.mark.parametrize("quoted", ["‘Heilung’", "'Heilung'", "「Heilung」", '5" wide, "Heilung"'])
def test_words_are_searched_in_quotes_of_every_kind(
    config_dir: Path, campaign: Path, quoted: str
) -> None:
    edit(campaign, "into the rain.", f"at a sign that says {quoted}.")

    [problem] = problems(config_dir)

    assert "shots[1].scene" in problem
    assert "quotes the prohibited term 'Heilung' of brand solstice" in problem


def test_words_an_instruction_quotes_are_searched_as_those_of_a_scene(
    config_dir: Path, campaign: Path
) -> None:
    shot = "  - id: edited\n    from: kitchen\n    scene: Mira\n    text: none\n    instruction: "
    text = campaign.read_text(encoding="utf-8").rstrip("\n")
    campaign.write_text(f"{text}\n{shot}hope for Heilung, with “Heilung” on a sign\n", "utf-8")

    found = [each for each in problems(config_dir) if "prohibited term" in each]

    assert len(found) == 1
    assert "instruction: 'hope for Heilung" in found[0]


@pytest.mark.parametrize(
    ("rule", "locale"),
    [("zh_Hant", "zh_TW"), ("zh-TW", "zh-Hant-TW"), ("'no'", "nb-NO"), ("tl", "fil")],
)
def test_terms_and_required_disclaimers_bind_a_locale_that_is_written_otherwise(
    config_dir: Path, brand: Path, campaign: Path, rule: str, locale: str
) -> None:
    edit(brand, "de: [Heilung]", f"{rule}: [Heilung]")
    edit(brand, "{en: Contains caffeine., de: none}", "{}")
    edit(brand, "characters:", f"disclaimer_required: [{rule}]\ncharacters:")
    text = campaign.read_text(encoding="utf-8").replace(" de:", f" {locale}:")
    text = text.replace("Regen ist gut", "Regen ist Heilung")
    campaign.write_text(text.replace("[en, de]", f"[en, {locale}]"), encoding="utf-8")

    found = "\n".join(problems(config_dir))

    assert "has the prohibited term 'Heilung' of brand solstice" in found
    assert f"requires a disclaimer in {locale.replace('-', '_')}: add one to the copy" in found


@pytest.mark.parametrize("required", ["[de]", "[all]", "[en, de]"])
def test_copy_without_a_disclaimer_the_brand_requires_is_told(
    config_dir: Path, brand: Path, required: str
) -> None:
    edit(brand, "characters:", f"disclaimer_required: {required}\ncharacters:")
    edit(brand, ", de: none}", "}")

    assert problems(config_dir) == [
        f"campaigns/spring_launch.yaml:{line}: shots[{n}].copy.disclaimer.de: missing; brand "
        "solstice requires a disclaimer in de: add one to the copy, or to the brand's disclaimers"
        for n, line in ((0, 16), (1, 27))
    ]


def test_a_disclaimer_of_the_shot_or_of_the_brand_is_enough(
    config_dir: Path, brand: Path, campaign: Path
) -> None:
    edit(brand, "characters:", "disclaimer_required: [all]\ncharacters:")
    edit(brand, "de: none", "de: Enthält Koffein.")
    assert load_briefs(config_dir).brands["solstice"].disclaimer_required == ("all",)


def test_a_locale_the_brand_forgot_is_told_unless_it_needs_no_disclaimer(
    config_dir: Path, brand: Path
) -> None:
    """The packaged brief says `de: none`; without it the German copy would lose the line."""
    load_briefs(config_dir)
    edit(brand, ", de: none}", "}")

    assert problems(config_dir) == [
        f"campaigns/spring_launch.yaml:{line}: shots[{n}].copy.disclaimer.de: missing; brand "
        "solstice has a disclaimer in en and none in de: add one to the copy, or to the brand's "
        "disclaimers, or write `de: none` there if none is needed"
        for n, line in ((0, 16), (1, 27))
    ]


@pytest.mark.parametrize(
    "written",
    [
        "{de: none}",
        "{en: none, de: none}",
        "{en: Contains caffeine., de: None}",
        "{de: Enthält Koffein., en: none}",
        "{de: Enthält Koffein., en: Contains caffeine.}",
        "{}",
    ],
)
def test_a_brand_that_has_a_word_on_each_locale_or_on_none_is_taken(
    config_dir: Path, brand: Path, written: str
) -> None:
    edit(brand, "{en: Contains caffeine., de: none}", written)

    load_briefs(config_dir)


def test_a_region_may_need_none_where_its_language_has_one(
    config_dir: Path, brand: Path, campaign: Path
) -> None:
    edit(brand, "de: none", "de: Enthält Koffein., de_CH: none")
    text = campaign.read_text(encoding="utf-8")
    campaign.write_text(text.replace("de", "de_CH"), encoding="utf-8")

    briefs = load_briefs(config_dir)

    shot = briefs.campaigns["spring_launch"].shots[0]
    assert "disclaimer" not in wording_of(briefs.brands["solstice"], shot, "de_CH")


def test_a_disclaimer_that_is_required_and_not_needed_is_a_contradiction(
    config_dir: Path, brand: Path
) -> None:
    edit(brand, "characters:", "disclaimer_required: [all]\ncharacters:")

    assert problems(config_dir)[0].endswith(
        "brand solstice requires a disclaimer in de, and says `de: none`: add one to the copy, or "
        "correct the brand"
    )


def test_letters_the_font_lacks_are_told_with_their_line_before_anything_is_bought(
    config_dir: Path, campaign: Path
) -> None:
    edit(campaign, "en: Rain is fine", "en: 雨 is fine, 雨 is العربية")

    assert problems(config_dir) == [
        "campaigns/spring_launch.yaml:29: shots[1].copy.headline.en: '雨 is fine, 雨 is العربية' - "
        "no glyph for 雨 ا ل ع ر ب ي ة in Inter[opsz,wght].ttf; give brand solstice a font that "
        "has them under fonts.locales.en, use text: drawn, or reword it"
    ]


def test_a_disclaimer_of_the_brand_is_told_in_the_brands_file(
    config_dir: Path, brand: Path
) -> None:
    edit(brand, "Contains caffeine.", "含咖啡因")
    (problem,) = problems(config_dir)
    assert problem.startswith(
        "brands/solstice.yaml:12: disclaimers.en: '含咖啡因' - for campaign spring_launch: "
        "no glyph for 含 "
    )


def test_what_the_model_draws_may_have_any_letters(config_dir: Path, campaign: Path) -> None:
    edit(campaign, "Slow mornings win", "朝をゆっくり")
    load_briefs(config_dir)


def test_a_locales_own_font_serves_its_letters(
    config_dir: Path, brand: Path, campaign: Path
) -> None:
    edit(campaign, "en: Rain is fine", "en: قهوة")
    edit(brand, "characters:", f'fonts: {{locales: {{en: {{regular: "{ARABIC}"}}}}}}\ncharacters:')

    briefs = load_briefs(config_dir)

    assert briefs.fonts_of("solstice", "en_GB").regular.source == ARABIC
    assert briefs.fonts_of("solstice", "en").bold.has_weights
    assert briefs.fonts_of("solstice", "de").name == "Inter[opsz,wght].ttf"


def test_a_font_beside_the_brand_counts_into_the_brands_version(
    config_dir: Path, brand: Path
) -> None:
    font = config_dir / "brands" / "fonts" / "Own.ttf"
    font.parent.mkdir()
    shutil.copy(INTER, font)
    edit(brand, "characters:", "fonts: {regular: fonts/Own.ttf}\ncharacters:")
    before = load_briefs(config_dir)
    font.write_bytes(font.read_bytes() + b"\x00")
    after = load_briefs(config_dir)

    assert before.fonts_of("solstice", "de").name == "Own.ttf"
    assert hash_brand(before, "solstice") != hash_brand(after, "solstice")


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("fonts/None.ttf", "no such file brands/fonts/None.ttf"),
        ("../../Outside.ttf", "leaves the config folder; accepted: a path inside it"),
        ("images/logo.png", "not a font; accepted: a font file (.ttf, .otf, .ttc, .otc)"),
        ("broken.ttf", "not a font that can be read (TTLibError: "),
        ("wheel:no-such-font", "no such package is installed; run pip install no-such-font"),
        ("wheel:click", "the package click has no font; accepted: a font file"),
        (
            "wheel:fontpkg-inter",
            "accepted: wheel:fontpkg-inter/Inter-Italic[opsz,wght].ttf, "
            "wheel:fontpkg-inter/Inter[opsz,wght].ttf",
        ),
        (f"{ARABIC}#x", "accepted after the #: the number of a face in the collection, from 0"),
        ("https://example.com/a.ttf", "accepted: a path beside the brand file or wheel:NAME"),
    ],
)
def test_what_is_no_font_is_told_with_its_line(
    config_dir: Path, brand: Path, source: str, says: str
) -> None:
    (brand.parent / "broken.ttf").write_bytes(b"not a font")
    edit(brand, "characters:", f'fonts: {{regular: "{source}"}}\ncharacters:')

    (problem,) = problems(config_dir)

    assert problem.startswith("brands/solstice.yaml:13: fonts.regular: '")
    assert says in problem
