"""`nbp new`: questions with defaults, briefs that validate, and nothing written over."""

from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from nbp_dagster.briefs.load import load_briefs
from nbp_dagster.cli.main import main
from nbp_dagster.prompts.expansion import expand

SITE = (
    "<html lang=en-GB><head><title>Marlow</title><style>:root{--primary:#0B3D2E;--accent:#F2B705;"
    "--bg:#F7F3EA}</style></head><body><header><a href=/><svg class=logo viewBox='0 0 9 9'>"
    "<rect width=9 height=9 fill='#0B3D2E'/></svg></a></header></body></html>"
)
RUNA = "Runa (person): woman in her twenties, short black hair"
Nbp = Callable[..., Result]


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "briefs"
    monkeypatch.setenv("NBP_CONFIG", str(folder))
    monkeypatch.chdir(tmp_path)
    return folder


@pytest.fixture
def nbp(config: Path) -> Nbp:
    def run(*words: str, answers: str | None = None) -> Result:
        return CliRunner().invoke(main, list(words), input=answers)

    return run


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_blank_brand_and_its_campaign_validate_without_an_edit(nbp: Nbp, config: Path) -> None:
    made = nbp("new", "brand", "marlow", "--blank", "--yes", "--character", RUNA)
    assert made.exit_code == 0, made.output
    made = nbp("new", "campaign", "autumn", "--brand", "marlow", "--yes", "--locales", "en,de-AT")
    assert made.exit_code == 0, made.output

    briefs = load_briefs(config)

    assert nbp("validate").exit_code == 0
    [shot] = briefs.campaigns["autumn"].shots
    assert shot.characters == ("runa",)
    assert shot.texts["headline"] == {"en": "Marlow", "de_AT": "Marlow"}
    assert len(expand(briefs)) == 3
    assert briefs.brands["marlow"].characters["runa"].kind == "person"
    for brief in ("brands/marlow", "campaigns/autumn"):
        head = (config / f"{brief}.yaml").read_text(encoding="utf-8").splitlines()[0]
        schema = head.removeprefix("# yaml-language-server: $schema=")
        assert (config / brief).parent.joinpath(schema).is_file()


def test_a_brand_from_a_folder_has_its_logo_beside_it(nbp: Nbp, config: Path) -> None:
    site = config.parent / "site"
    site.mkdir()
    (site / "index.html").write_text(SITE, encoding="utf-8")

    made = nbp("new", "brand", "marlow", "--from-folder", str(site), "--yes")

    assert made.exit_code == 0, made.output
    brand = load_briefs(config).brands["marlow"]
    assert brand.palette == {"primary": "#0B3D2E", "accent": "#F2B705", "neutral": "#F7F3EA"}
    assert brand.logo == "images/marlow_logo.png"
    assert "next: nbp new campaign NAME --brand marlow --locales en_GB" in made.output


def test_every_question_has_a_default_and_a_bad_answer_is_asked_for_again(
    nbp: Nbp, config: Path
) -> None:
    answers = ["Marlow & Daughters", "", "", "", "teal", "#14707A", "", "", RUNA, ""]

    made = nbp("new", "brand", "marlow", answers="\n".join(answers) + "\n")

    assert made.exit_code == 0, made.output
    assert "Error: accepted: a colour as" in made.output
    brand = load_briefs(config).brands["marlow"]
    assert brand.name == "Marlow & Daughters"
    assert brand.palette["primary"] == "#14707A"
    assert list(brand.characters) == ["runa"]


def test_questions_that_nobody_answers_leave_nothing_behind(nbp: Nbp, config: Path) -> None:
    made = nbp("new", "brand", "marlow", answers="Marlow\n")

    assert made.exit_code == 1
    assert "no answer, so nothing was written; --yes takes every default" in made.output
    assert not config.exists()


def test_nothing_is_written_over(nbp: Nbp, config: Path) -> None:
    for words in (
        ("new", "brand", "marlow", "--yes"),
        ("new", "campaign", "autumn", "--brand", "marlow", "--yes"),
    ):
        assert nbp(*words).exit_code == 0
        before = files(config)

        again = nbp(*words)

        assert again.exit_code == 1
        assert "is there already, and nothing is written over it" in again.output
        assert files(config) == before


def test_a_logo_that_is_there_is_not_written_over_and_no_brand_is_left(
    nbp: Nbp, config: Path
) -> None:
    site = config.parent / "site"
    site.mkdir()
    (site / "index.html").write_text(SITE, encoding="utf-8")
    logo = config / "brands" / "images" / "marlow_logo.png"
    logo.parent.mkdir(parents=True)
    logo.write_bytes(b"mine")

    made = nbp("new", "brand", "marlow", "--from-folder", str(site), "--yes")

    assert made.exit_code == 1
    assert files(config) == {"brands/images/marlow_logo.png": b"mine"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("brand", "Marlow Co", "--yes"), "'Marlow Co' is no id; accepted: small letters"),
        (("brand", "m", "--yes", "--character", "Runa"), "accepted: NAME: TRAIT, TRAIT"),
        (("brand", "m", "--yes", "--character", "R (robot): tin"), "'robot' is no kind"),
        (("brand", "m", "--blank", "--from-url", "x.example"), "say three things; give one"),
        (("brand", "m", "--yes", "--from-folder", "none"), "none: no such folder"),
        (("brand", "m", "--yes", "--from-url", "http://10.0.0.1/"), "not https"),
        (("campaign", "a", "--brand", "acme", "--yes"), "no brand acme in"),
        (("campaign", "a", "--brand", "known", "--yes", "--locales", "english"), "such as en"),
        (("campaign", "a", "--brand", "known", "--yes", "--channels", "story"), "did you mean"),
        (("campaign", "a", "--brand", "known", "--yes", "--shot", "x"), "a name, a colon"),
        (("campaign", "a", "--brand", "known", "--yes", "--headline", "fr: Ah"), "no locale of"),
        (("campaign", "a", "--brand", "known", "--yes", "--shot", "A b: c"), "campaigns/a.yaml"),
    ],
)
def test_what_can_not_be_used_is_told_and_nothing_is_written(
    nbp: Nbp, config: Path, words: tuple[str, ...], said: str
) -> None:
    assert nbp("new", "brand", "known", "--yes").exit_code == 0
    before = files(config)

    made = nbp("new", *words)

    assert made.exit_code != 0
    assert said in made.output
    assert "Traceback" not in made.output
    assert files(config) == before


def test_a_channel_that_needs_more_pixels_gets_them(nbp: Nbp, config: Path) -> None:
    nbp("new", "brand", "marlow", "--yes")
    for name, channels in (("screens", "instagram_feed"), ("print", "print_a4,display_728x90")):
        made = nbp("new", "campaign", name, "--brand", "marlow", "--yes", "--channels", channels)
        assert made.exit_code == 0, made.output

    campaigns = load_briefs(config).campaigns

    assert campaigns["screens"].resolution == "2K"
    assert campaigns["print"].resolution == "4K"
    assert "enlarges" not in nbp("validate").output


def test_copy_in_a_script_that_our_font_lacks_is_left_to_the_model(nbp: Nbp, config: Path) -> None:
    nbp("new", "brand", "marlow", "--yes")
    made = nbp("new", "campaign", "a", "--brand", "marlow", "--yes", "--locales", "ja,ar")

    assert made.exit_code == 0, made.output
    assert load_briefs(config).campaigns["a"].shots[0].text == "drawn"


def test_a_table_of_shots_becomes_a_campaign(nbp: Nbp, config: Path) -> None:
    nbp("new", "brand", "marlow", "--yes", "--character", RUNA)
    table = config.parent / "shots.csv"
    table.write_text(
        "Shot;Scene;Characters;Headline;Headline:de;Alt:en;Alt (de)\n"
        'park;"Runa runs; the park is empty";Runa;Run far;Lauf weit;A runner;Eine Läuferin\n'
        "quiet;A bench in the rain;;;;;\n",
        encoding="utf-8-sig",
    )

    made = nbp(
        *("new", "campaign", "autumn", "--brand", "marlow", "--yes"),
        *("--locales", "en,de", "--shots", str(table)),
    )

    assert made.exit_code == 0, made.output
    park, quiet = load_briefs(config).campaigns["autumn"].shots
    assert park.scene == "Runa runs; the park is empty"
    assert park.texts["headline"] == {"en": "Run far", "de": "Lauf weit"}
    assert (park.characters, park.alt_text) == (
        ("runa",),
        {"en": "A runner", "de": "Eine Läuferin"},
    )
    assert (quiet.text, quiet.texts) == ("none", {})


@pytest.mark.parametrize("column", ["headline:pt-BR", "headline:pt_BR", "Headline (PT-br)"])
@pytest.mark.parametrize("locale", ["pt-BR", "pt_BR"])
def test_a_table_s_columns_and_the_campaign_may_spell_a_locale_each_its_own_way(
    nbp: Nbp, config: Path, column: str, locale: str
) -> None:
    nbp("new", "brand", "marlow", "--yes")
    table = config.parent / "shots.csv"
    table.write_text(
        f"id,scene,headline:en,{column},headline:zh-hant-tw\npark,A park,Run,Corra,跑\n",
        encoding="utf-8",
    )

    made = nbp(
        *("new", "campaign", "a", "--brand", "marlow", "--yes", "--shots", str(table)),
        *("--locales", f"en,{locale},zh-Hant-TW"),
    )

    assert made.exit_code == 0, made.output
    [park] = load_briefs(config).campaigns["a"].shots
    assert park.texts["headline"] == {"en": "Run", "pt_BR": "Corra", "zh_Hant_TW": "跑"}


def test_errors_of_a_table_name_row_and_column_and_nothing_is_written(
    nbp: Nbp, config: Path
) -> None:
    nbp("new", "brand", "marlow", "--yes", "--character", RUNA)
    table = config.parent / "shots.csv"
    table.write_text(
        "id,scene,characters,headline:en,headline:de\n"
        "park,Runa runs,runna,Run far,Lauf weit\n"
        'Big Park,,runa,"Say ""hi""",Hallo\n'
        "bench,A bench,,Only English,\n",
        encoding="utf-8",
    )
    before = files(config)
    words = ("new", "campaign", "a", "--brand", "marlow", "--yes", "--locales", "en,de")

    made = nbp(*words, "--shots", str(table))

    assert made.exit_code == 1
    for said in (
        "shots.csv:2: characters: 'runna' - not one of marlow's; accepted: runa",
        "shots.csv:3: id: 'Big Park' - accepted: small letters",
        "shots.csv:3: scene: accepted: text that is not blank",
        "shots.csv:3: headline:en: 'Say \"hi\"' - has a straight double quote",
    ):
        assert said in made.output
    assert files(config) == before

    # What only the whole campaign shows is told by row as well.
    table.write_text("id,scene,headline:en\nbench,A bench,Only English\n", encoding="utf-8")
    made = nbp(*words, "--shots", str(table))
    assert "shots.csv:2: headline" in made.output
    assert files(config) == before


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "has no shots"),
        (b"scene\n", "has no shots"),
        (b"id,name\npark,x\n", "a second column of this"),
        (b"id,headline:en\npark,x\n", "no such column, and each shot needs one"),
        (b"scene,hedline\nx,y\n", "unknown column; accepted: id, scene"),
        (b"scene,headline:fr\nx,y\n", "fr is no locale of the campaign; accepted: en"),
        (b"scene\nx,y\n", "stands under no column name"),
        (b'scene\n"x\n', "not a row of a table"),
        (b"id,scene\na,x\na,y\n", "the id of row 2 already"),
        (b"PK\x03\x04rest", "a spreadsheet; export the sheet as CSV"),
        ("scene,text\nx,painted\n".encode("utf-16"), "'painted' - accepted: 'drawn'"),
    ],
)
def test_a_table_that_can_not_be_read_says_why(
    nbp: Nbp, config: Path, content: bytes, said: str
) -> None:
    nbp("new", "brand", "marlow", "--yes")
    table = config.parent / "shots.csv"
    table.write_bytes(content)

    made = nbp("new", "campaign", "a", "--brand", "marlow", "--yes", "--shots", str(table))

    assert made.exit_code == 1, made.output
    assert said in made.output
    assert not (config / "campaigns").exists()


def test_help_names_every_way_to_begin() -> None:
    assert isinstance(main.commands["new"], click.Group)
    text = CliRunner().invoke(main, ["new", "brand", "--help"]).output

    for option in ("--from-url", "--from-folder", "--blank", "--yes"):
        assert option in text
