"""`nbp new`: begins a brand or a campaign; asks, writes commented briefs, never over others."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nbp_dagster.cli.authoring.answers import (
    Terminal,
    find_channel_fault,
    find_fault_of,
    find_locale_fault_of,
)
from nbp_dagster.cli.errors import report_errors

if TYPE_CHECKING:
    # For annotations: the commands import what they use when they run.
    from nbp_dagster.authoring.brand_kit import BrandKit
    from nbp_dagster.authoring.brief_text import (
        NewBrand,
        NewCampaign,
        NewCharacter,
        NewShot,
    )
    from nbp_dagster.authoring.shot_table import ShotTable
    from nbp_dagster.briefs.brief import Briefs
    from nbp_dagster.briefs.models import Brand

_yes = click.option("--yes", is_flag=True, help="Take every default; ask nothing.")


@click.group()
def new() -> None:
    """Begin a brand or a campaign: commented briefs that validate, to be edited."""


@new.command()
@click.argument("brand_id", metavar="ID")
@click.option("--from-url", metavar="URL", help="Read the brand off its web page (https).")
@click.option(
    "--from-folder",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Read the brand off files: pages, style sheets, logo, fonts, texts.",
)
@click.option("--blank", is_flag=True, help="Begin with stand-ins.")
@click.option("--name", help="The brand's name.")
@click.option("--style", help="What every picture looks like.")
@click.option(
    "--character",
    "characters",
    multiple=True,
    metavar="TEXT",
    help="'Name (person): trait, trait'; may be given again.",
)
@_yes
@report_errors
def brand(
    brand_id: str,
    from_url: str | None,
    from_folder: Path | None,
    blank: bool,
    name: str | None,
    style: str | None,
    characters: tuple[str, ...],
    yes: bool,
) -> None:
    """Begin the brand ID from a web page, a folder of files, or nothing.

    Name, logo, palette, fonts, tone and languages are looked for; each value is written with where
    it was found. The page is read once, with its style sheets and logo, as its robots.txt allows.
    """
    if (from_url is not None) + (from_folder is not None) + blank > 1:
        raise click.UsageError("--from-url, --from-folder and --blank say three things; give one")
    from dataclasses import replace

    from nbp_dagster.authoring.new_files import require_absent
    from nbp_dagster.authoring.suggestions import suggest_brand
    from nbp_dagster.settings import read_settings

    config = read_settings().config
    _check_id(brand_id)
    require_absent(config / "brands" / f"{brand_id}.yaml")
    cast = tuple(_read_character(text) for text in characters)
    kit, fonts = _find_brand(brand_id, from_url, from_folder)
    asked = Terminal(is_silent=yes)
    begun = _ask_brand(asked, suggest_brand(brand_id, kit, fonts), {"name": name, "style": style})
    begun = replace(begun, characters=cast or _ask_characters(asked))
    for path in _write_brand(config, begun, kit, fonts):
        click.echo(path)
    locales = f" --locales {','.join(begun.languages)}" if begun.languages else ""
    click.echo(f"next: nbp new campaign NAME --brand {brand_id}{locales}")


@new.command()
@click.argument("campaign_id", metavar="NAME")
@click.option("--brand", "brand_id", required=True, metavar="ID", help="Its brand.")
@click.option("--objective", help="What it is for.")
@click.option("--locales", help="Such as en,de_AT.")
@click.option("--channels", help="Such as instagram_feed,print_a4.")
@click.option(
    "--shot", "scenes", multiple=True, metavar="TEXT", help="'id: scene'; may be given again."
)
@click.option(
    "--headline",
    "headlines",
    multiple=True,
    metavar="TEXT",
    help="'en: Run far', for every shot; may be given again.",
)
@click.option(
    "--shots",
    "table",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A table (CSV) of shots, one row each; columns id, scene, characters, headline:en ...",
)
@_yes
@report_errors
def campaign(
    campaign_id: str,
    brand_id: str,
    objective: str | None,
    locales: str | None,
    channels: str | None,
    scenes: tuple[str, ...],
    headlines: tuple[str, ...],
    table: Path | None,
    yes: bool,
) -> None:
    """Begin the campaign NAME of a brand, from answers or from a table of shots."""
    if table is not None and (scenes or headlines):
        raise click.UsageError("--shots brings scenes and copy; give it, or --shot and --headline")
    from nbp_dagster.authoring.brief_text import NewCampaign
    from nbp_dagster.authoring.new_files import require_absent
    from nbp_dagster.authoring.shot_table import read_shots
    from nbp_dagster.authoring.suggestions import (
        DEFAULT_CHANNELS,
        suggest_locales,
        suggest_resolution,
    )
    from nbp_dagster.settings import read_settings

    config = read_settings().config
    _check_id(campaign_id)
    require_absent(config / "campaigns" / f"{campaign_id}.yaml")
    briefs = _load_brand(config, brand_id)
    its_brand = briefs.brands[brand_id]
    asked = Terminal(is_silent=yes)
    aim = asked.ask("What is it for", objective, f"show what {its_brand.name} is about")
    spoken = asked.ask_list("Locales", locales, suggest_locales(its_brand), find_locale_fault_of)
    placed = asked.ask_list(
        "Channels", channels, DEFAULT_CHANNELS, lambda text: find_channel_fault(text, briefs)
    )
    taken = read_shots(table, its_brand, spoken) if table is not None else None
    begun = NewCampaign(
        id=campaign_id,
        brand=brand_id,
        objective=aim,
        locales=spoken,
        channels=placed,
        resolution=suggest_resolution([briefs.channels[name] for name in placed]),
        shots=taken.shots if taken else _ask_shots(asked, its_brand, spoken, scenes, headlines),
    )
    click.echo(_write_campaign(config, begun, briefs, taken))
    click.echo(f"next: nbp plan {campaign_id}")


def _find_brand(
    brand_id: str, url: str | None, folder: Path | None
) -> "tuple[BrandKit, dict[str, Path]]":
    """Return what a page or a folder says of a brand, and its fonts; tells what was found."""
    from nbp_dagster.authoring.brand_kit import BrandKit, find_kit
    from nbp_dagster.authoring.folder import read_folder
    from nbp_dagster.authoring.suggestions import choose_fonts

    if folder is not None:
        material = read_folder(folder)
        fonts = choose_fonts(material.fonts, folder, brand_id)
    elif url is not None:
        # requests: no other way to begin a brand needs it.
        from nbp_dagster.authoring.web_pages import WebReader, read_site

        material, fonts = read_site(url, WebReader()), {}
    else:
        return BrandKit(), {}
    kit = find_kit(material)
    _show_kit(kit)
    return kit, fonts


def _write_brand(
    config: Path, begun: "NewBrand", kit: "BrandKit", fonts: Mapping[str, Path]
) -> list[Path]:
    """Write a brand with its logo and fonts, then the schemas; returns what is new."""
    from nbp_dagster.authoring.brief_text import write_brand
    from nbp_dagster.authoring.new_files import write_new_files
    from nbp_dagster.authoring.schemas import write_schemas
    from nbp_dagster.authoring.suggestions import check_brand
    from nbp_dagster.yaml_source.problems import BriefError

    text = write_brand(begun)
    if problems := check_brand(text, begun.id):
        raise BriefError(config, problems)
    folder = config / "brands"
    files = {folder / path: source.read_bytes() for path, source in fonts.items()}
    if begun.logo and kit.logo is not None:
        files[folder / begun.logo] = kit.logo.png
    files[folder / f"{begun.id}.yaml"] = text.encode()
    write_new_files(files)
    write_schemas(config)
    return list(files)


def _write_campaign(
    config: Path, begun: "NewCampaign", briefs: "Briefs", taken: "ShotTable | None"
) -> Path:
    """Write a campaign, then the schemas; errors of shots from a table are told by its rows."""
    from dataclasses import replace

    from nbp_dagster.authoring.brief_text import write_campaign
    from nbp_dagster.authoring.new_files import write_new_files
    from nbp_dagster.authoring.schemas import write_schemas
    from nbp_dagster.authoring.shot_table import ShotTableError
    from nbp_dagster.authoring.suggestions import check_new_campaign, suggest_budget
    from nbp_dagster.yaml_source.problems import BriefError

    begun = replace(begun, budget_usd=suggest_budget(begun, briefs.brands[begun.brand]))
    text = write_campaign(begun)
    problems = check_new_campaign(text, begun, briefs)
    if problems and taken is not None:
        raise ShotTableError(taken.path, taken.to_rows(problems))
    if problems:
        raise BriefError(config, problems)
    path = config / "campaigns" / f"{begun.id}.yaml"
    write_new_files({path: text.encode()})
    write_schemas(config)
    return path


def _check_id(text: str) -> None:
    from nbp_dagster.briefs.models import Id

    if fault := find_fault_of(Id)(text):
        raise click.UsageError(f"{text!r} is no id; {fault}")


def _read_character(text: str) -> "NewCharacter":
    from nbp_dagster.authoring.suggestions import read_character

    read = read_character(text)
    if isinstance(read, str):
        raise click.UsageError(f"--character {text!r}: {read}")
    return read


def _show_kit(kit: "BrandKit") -> None:
    """Tell what was found and what was not, on the error stream."""
    found: list[tuple[str, str, str]] = []
    if kit.name:
        found.append(("name", kit.name.value, kit.name.origin))
    found += [(role, item.value, item.origin) for role, item in kit.palette.items()]
    if kit.logo:
        found.append(("logo", f"{len(kit.logo.png):,} bytes", kit.logo.origin))
    found += [("font", item.value, item.origin) for item in kit.fonts]
    found += [("tone", item.value, item.origin) for item in kit.sentences]
    found += [("language", item.value, item.origin) for item in kit.languages]
    for what, value, origin in found:
        click.echo(f"{what:<9} {value}  ({origin})", err=True)
    for sentence in kit.missing:
        click.echo(f"nbp: warning: {sentence}", err=True)


def _ask_brand(asked: Terminal, drawn: "NewBrand", given: Mapping[str, str | None]) -> "NewBrand":
    """Return a brand with the answers; what was not found but answered has no origin."""
    from dataclasses import replace

    from nbp_dagster.briefs.models import Colour, Prose

    prose = find_fault_of(Prose)
    questions = {
        "name": "Name",
        "voice": "Voice, for whoever writes its copy",
        "style": "Style of every picture: light, lens, medium",
        "typography": "Lettering that the model draws",
    }
    answers = {
        key: asked.ask(question, given.get(key), getattr(drawn, key), prose)
        for key, question in questions.items()
    }
    palette = {
        name: asked.ask(f"Colour {name}", None, colour, find_fault_of(Colour))
        for name, colour in drawn.palette.items()
    }
    changed = [key for key, answer in answers.items() if answer != getattr(drawn, key)]
    changed += [key for key, value in given.items() if value is not None]
    changed += [f"palette.{name}" for name in palette if palette[name] != drawn.palette[name]]
    origins = {key: origin for key, origin in drawn.origins.items() if key not in changed}
    return replace(
        drawn,
        name=answers["name"],
        voice=answers["voice"],
        style=answers["style"],
        typography=answers["typography"],
        palette=palette,
        origins=origins,
    )


def _ask_characters(asked: Terminal) -> "tuple[NewCharacter, ...]":
    from nbp_dagster.authoring.suggestions import read_character

    def find_fault(text: str) -> str | None:
        read = read_character(text) if text != _NONE else None
        return read if isinstance(read, str) else None

    found = []
    question = "Who returns in the pictures, as 'Name (person): trait, trait'"
    while (text := asked.ask(question, None, _NONE, find_fault)) != _NONE:
        found.append(_read_character(text))
        question = "Who else"
    return tuple(found)


_NONE = "nobody"


def _ask_shots(
    asked: Terminal,
    its_brand: "Brand",
    locales: Sequence[str],
    scenes: Sequence[str],
    headlines: Sequence[str],
) -> "tuple[NewShot, ...]":
    """Return the shots that options name, or else one that is asked for."""
    from nbp_dagster.authoring.suggestions import suggest_scene, suggest_shot
    from nbp_dagster.briefs.models import CopyText, Prose

    copy = dict(_split_pair(text, "--headline") for text in headlines)
    unknown = [locale for locale in copy if locale not in locales]
    if unknown:
        raise click.UsageError(f"--headline {unknown[0]}: no locale of the campaign")
    if scenes:
        pairs = [_split_pair(text, "--shot") for text in scenes]
        return tuple(suggest_shot(its_brand, *pair, locales, copy) for pair in pairs)
    scene = asked.ask("First scene", None, suggest_scene(its_brand), find_fault_of(Prose))
    for locale in locales:
        if locale not in copy:
            copy[locale] = asked.ask(
                f"Its headline in {locale}", None, its_brand.name, find_fault_of(CopyText)
            )
    return (suggest_shot(its_brand, "first", scene, locales, copy),)


def _split_pair(text: str, option: str) -> tuple[str, str]:
    name, colon, rest = text.partition(":")
    if not colon or not name.strip() or not rest.strip():
        raise click.UsageError(f"{option} {text!r}: accepted: a name, a colon, and the text")
    return name.strip(), " ".join(rest.split())


def _load_brand(config: Path, brand_id: str) -> "Briefs":
    """Return the folder's briefs, where the brand is among them; tells why where it is not."""
    from nbp_dagster.briefs.load import load_briefs
    from nbp_dagster.yaml_source.problems import BriefError, list_accepted

    briefs = load_briefs(config, leaves_out=True)
    if brand_id in briefs.brands:
        return briefs
    problems = briefs.find_faults("brand", brand_id)
    if problems:
        raise BriefError(config, problems)
    accepted = list_accepted(briefs.brands, wanted=brand_id)
    raise click.UsageError(
        f"no brand {brand_id} in {config}; {accepted} (nbp new brand {brand_id} begins one)"
    )
