"""Composited copy in every script: where lines end, which way they run, what fits."""

import shutil
from itertools import accumulate
from pathlib import Path

import pytest

from nbp_dagster.briefs.channels import SafeArea
from nbp_dagster.briefs.fonts import FontPair, default_fonts
from nbp_dagster.briefs.load import load_briefs
from nbp_dagster.studio.typography.copy_fit import find_crowded_copy
from nbp_dagster.studio.typography.legibility import measure_text_contrast
from nbp_dagster.studio.typography.letters.line_breaks import Piece, divide_piece, split_text
from nbp_dagster.studio.typography.letters.typeface import Typeface, can_shape
from nbp_dagster.studio.typography.text_block import (
    TextDoesNotFit,
    TypesetPicture,
    check_type,
    plan_type,
    typeset,
)
from tests.rigs.fonts import CHINESE, HEBREW, arabic_fonts, debian_fonts
from tests.rigs.pictures import draw_scene
from tests.rigs.prompt_goldens import GOOD_BRIEFS

PALETTE = {"primary": "#0B3D2E", "accent": "#F2B705", "neutral": "#F7F3EA"}
ARABIC = {
    "headline": "صباح هادئ، قهوة طازجة",
    "sub": "محمصة الربيع الجديدة، تُطحن طازجة لك كل صباح.",
    "call_to_action": "تسوّق الآن",
    "disclaimer": "يحتوي على الكافيين.",
}
HEBREW_COPY = {
    "headline": "בקרים איטיים מנצחים",
    "sub": "קליית האביב החדשה, נטחנת טרייה עבורך בכל בוקר.",
    "call_to_action": "לקנייה עכשיו",
    "disclaimer": "מכיל קפאין.",
}
JAPANESE = {
    "headline": "ゆっくりした朝が、勝つ。",
    "sub": "春の新しいロースト。毎朝、あなたのために「挽きたて」をお届けします。",
    "call_to_action": "今すぐ購入",
    "disclaimer": "カフェインを含みます。",
}
FRAMES = [(270, 480), (480, 480), (600, 314), (728, 90)]
LONG = "Frühlingsröstungsverkostung am Sonntagmorgen"


def set_copy(
    size: tuple[int, int], texts: dict[str, str], language: str, fonts: FontPair
) -> TypesetPicture:
    return typeset(
        draw_scene(*size),
        texts=texts,
        palette=PALETTE,
        safe_area=SafeArea(),
        language=language,
        fonts=fonts,
    )


def parts(pieces: tuple[Piece, ...]) -> list[str]:
    return [("" if n == 0 else piece.joint) + piece.text for n, piece in enumerate(pieces)]


@pytest.mark.parametrize("size", FRAMES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("language", ["ar", "he", "ja"])
def test_every_shape_of_picture_takes_every_script(language: str, size: tuple[int, int]) -> None:
    fonts, texts = {
        "ar": (arabic_fonts, ARABIC),
        "he": (lambda: debian_fonts(HEBREW), HEBREW_COPY),
        "ja": (lambda: debian_fonts(CHINESE), JAPANESE),
    }[language]
    done = set_copy(size, texts, language, fonts())
    assert {"headline", "call_to_action", "disclaimer"} <= done.boxes.keys()
    assert min(done.contrasts.values()) >= 4.5
    for box in done.boxes.values():
        assert 0 <= box[0] < box[2] <= size[0]
        assert 0 <= box[1] < box[3] <= size[1]
        assert measure_text_contrast(done.image, box) >= 4.5


@pytest.mark.parametrize("size", FRAMES[:3], ids=["story", "square", "landscape"])
def test_lines_that_run_from_right_to_left_stand_on_one_right_edge(size: tuple[int, int]) -> None:
    boxes = set_copy(size, ARABIC, "ar", arabic_fonts()).boxes
    assert len({box[2] for box in boxes.values()}) == 1
    assert len({box[0] for box in boxes.values()}) > 1


def test_in_a_banner_the_button_ends_the_line_at_the_left() -> None:
    boxes = set_copy((728, 90), ARABIC, "ar", arabic_fonts()).boxes
    assert boxes["call_to_action"][2] <= boxes["headline"][0]


def test_in_a_landscape_the_copy_keeps_to_the_part_the_prompt_asks_to_be_calm() -> None:
    boxes = set_copy((1200, 628), ARABIC, "ar", arabic_fonts()).boxes
    assert max(box[2] for box in boxes.values()) <= 0.47 * 1200


def test_arabic_letters_are_joined() -> None:
    font = Typeface("ar", arabic_fonts()).font(60, 700)
    assert can_shape()
    assert font.measure("بيت") < 0.9 * sum(font.measure(letter) for letter in "بيت")


def test_one_variable_font_serves_light_and_bold() -> None:
    face = Typeface("ar", arabic_fonts())
    assert face.font(60, 750).measure("قهوة") > 1.02 * face.font(60, 450).measure("قهوة")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("朝が、勝つ。", ["朝", "が、", "勝", "つ。"]),
        ("「挽きたて」を", ["「挽", "き", "た", "て」", "を"]),
        ("コーヒー", ["コー", "ヒー"]),
        ("ちょっと", ["ちょっ", "と"]),
        ("新しいSolsticeを", ["新", "し", "い", "Solstice", "を"]),
        ("朝が\u200b勝つ", ["朝が", "勝つ"]),
        ("봄 로스트", ["봄", " 로스트"]),
        ("Früh\u00adling kommt", ["Früh", "-ling", " kommt"]),
        ("20 % moins cher !", ["20 %", " moins", " cher !"]),
        ("« Bonjour » à 5 €", ["« Bonjour »", " à", " 5 €"]),
        ("well-known and/or new", ["well-", "known", " and/", "or", " new"]),
        ("a T-shirt, 36.86/kg, 24/7", ["a", " T-shirt,", " 36.86/kg,", " 24/7"]),
        ("Frühjahrs- und Sommer", ["Frühjahrs-", " und", " Sommer"]),
        ("真的——太好了", ["真", "的", "——", "太", "好", "了"]),
        ("朝👍🏽です", ["朝", "👍🏽", "で", "す"]),
        ("朝\u3000が", ["朝\u3000", "が"]),
        ("สวัสดีตอนเช้า", ["สวัสดีตอนเช้า"]),
        ("สวัสดี\u200bตอนเช้า", ["สวัสดี", "ตอนเช้า"]),
        ("\u200b \u00ad", []),
    ],
)
def test_lines_end_where_the_writing_system_lets_them(text: str, wanted: list[str]) -> None:
    assert parts(split_text(text)) == wanted


def test_chinese_keeps_its_phrases_whole_where_that_takes_no_more_lines() -> None:
    font = Typeface("zh", debian_fonts(CHINESE)).font(40, 450)
    lines = font.break_lines("慢下来的早晨，才是赢家", width=290, most=4)
    assert lines == ("慢下来的早晨，", "才是赢家")


@pytest.mark.parametrize(
    ("text", "language", "wanted"),
    [
        ("春の新作コレクション", "ja", ["春の", "新作コレクション"]),
        ("春の焙煎コーヒーを", "ja_JP", ["春の", "焙煎コーヒーを"]),
        ("House Blendを春の朝に", "ja", ["House", " Blendを", "春の", "朝に"]),
        ("朝が\u200b勝つ", "ja", ["朝が", "勝つ"]),
        ("美好的早晨", "zh_TW", ["美好", "的", "早晨"]),
        ("朝が", "en", ["朝", "が"]),
        ("Slow mornings", "ja", ["Slow", " mornings"]),
    ],
)
def test_words_of_chinese_and_japanese_stay_whole(
    text: str, language: str, wanted: list[str]
) -> None:
    assert parts(split_text(text, by="word", language=language)) == wanted


@pytest.mark.parametrize("size", [(160, 600), (400, 500), (1080, 1080), (1200, 628), (300, 250)])
def test_no_line_ends_inside_a_japanese_word_where_another_break_is_possible(
    size: tuple[int, int],
) -> None:
    text = "ゆっくりした朝に春の焙煎コーヒーを"
    ends = set(accumulate(map(len, ("ゆっくりした", "朝に", "春の", "焙煎コーヒーを"))))
    groups = plan_type(
        {"headline": text},
        size=size,
        safe_area=SafeArea(),
        language="ja",
        fonts=debian_fonts(CHINESE),
    )
    lines = groups[0].blocks[0].lines
    assert "".join(lines) == text
    assert set(accumulate(map(len, lines))) <= ends


def test_a_japanese_word_wider_than_its_frame_is_broken_rather_than_refused() -> None:
    font = Typeface("ja", debian_fonts(CHINESE)).font(40, 450)
    assert font.break_lines("スプリングロースト", width=250, most=4) is None
    lines = font.break_lines("スプリングロースト", width=250, most=4, divide=True)
    assert lines is not None
    assert "".join(lines) == "スプリングロースト"


@pytest.mark.parametrize("size", [(160, 600), (300, 600), (120, 600), (1080, 1920), (300, 250)])
@pytest.mark.parametrize(
    ("language", "headline"),
    [("de", "Die Frühlingsröstung ist da"), ("en", "The spring roast is here for you")],
)
def test_a_headline_is_not_in_four_pieces_where_smaller_type_gives_three(
    size: tuple[int, int], language: str, headline: str
) -> None:
    groups = plan_type({"headline": headline}, size=size, safe_area=SafeArea(), language=language)
    assert len(groups[0].blocks[0].lines) <= 3


def test_a_long_word_is_divided_by_the_patterns_of_its_language() -> None:
    assert parts(divide_piece(Piece("Frühlingsröstung", " "), "de_AT")) == [
        "Früh",
        "-lings",
        "-röstung",
    ]
    assert parts(divide_piece(Piece("Röstung", " "), "de")) == ["Röstung"]
    assert parts(divide_piece(Piece("قهوةطازجةجدا", " "), "ar")) == ["قهوةطازجةجدا"]


def test_a_word_is_divided_only_where_type_gets_much_larger_by_it() -> None:
    def lines(text: str) -> tuple[str, ...]:
        groups = plan_type({"headline": text}, size=(400, 500), safe_area=SafeArea(), language="de")
        return groups[0].blocks[0].lines

    assert any(line.endswith("-") for line in lines(LONG))
    assert not any(line.endswith("-") for line in lines("Langsame Frühlingsmorgen"))


def test_a_soft_hyphen_says_where_and_is_not_drawn_elsewhere() -> None:
    font = Typeface("de").font(40, 700)
    text = "Frühlings\u00adröstung"
    assert font.break_lines(text, width=900, most=2) == ("Frühlingsröstung",)
    assert font.break_lines(text, width=250, most=2) == ("Frühlings-", "röstung")


@pytest.mark.parametrize("size", [(160, 120), (400, 40)])
def test_copy_is_refused_before_there_is_a_picture_as_it_would_be_after(
    size: tuple[int, int],
) -> None:
    texts = {"headline": "Slow mornings win", "disclaimer": "Contains caffeine and more. " * 8}
    with pytest.raises(TextDoesNotFit) as before:
        check_type(texts, sizes={size: SafeArea()}, language="en")
    with pytest.raises(TextDoesNotFit) as after:
        set_copy(size, texts, "en", default_fonts())
    assert str(before.value) == str(after.value)


def test_copy_without_room_is_told_with_its_file_and_line(tmp_path: Path) -> None:
    config = Path(shutil.copytree(GOOD_BRIEFS, tmp_path / "briefs"))
    campaign = config / "campaigns" / "spring_launch.yaml"
    text = campaign.read_text(encoding="utf-8")
    assert find_crowded_copy(load_briefs(config)) == []
    text = text.replace("[instagram_feed,", "[display_160x600, instagram_feed,")
    campaign.write_text(text.replace("Regen ist gut", "X" * 60), "utf-8")

    (problem,) = find_crowded_copy(load_briefs(config))

    assert str(problem).startswith("campaigns/spring_launch.yaml:27: shots[1].copy: headline 'XXX")
    assert "no room at 10 px or more on 160x600 pixels" in problem.message
