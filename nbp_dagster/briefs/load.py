"""Reads a config folder into Briefs, or reports every problem of every file at once.

Knows files and their order; `models` holds what a brief may contain, `rules` what must agree.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from nbp_dagster.addresses import find_path_fault
from nbp_dagster.briefs.brief import DISCLOSURE_FILE, BriefKind, Briefs, BriefSource
from nbp_dagster.briefs.channels import (
    CHANNELS_FILE,
    Channel,
    load_packaged_channels,
    read_channels,
)
from nbp_dagster.briefs.fonts import FontFile, list_font_sources, read_font
from nbp_dagster.briefs.images import (
    BRANDS_FOLDER,
    CAMPAIGNS_FOLDER,
    FileDigest,
    find_address_fault,
    is_address,
    is_shot_id,
    read_reference,
    resolve_source,
)
from nbp_dagster.briefs.locale_spelling import spell_locales
from nbp_dagster.briefs.models import Brand, Campaign
from nbp_dagster.briefs.rules import check_campaign
from nbp_dagster.briefs.text_rules import check_letters
from nbp_dagster.gc_pause import collector_paused
from nbp_dagster.yaml_source.document import MAX_FILE_BYTES, Document, parse_document
from nbp_dagster.yaml_source.problems import BriefError, BriefProblem, KeyPath, format_key
from nbp_dagster.yaml_source.validation import check_record

__all__ = ["load_briefs", "Briefs", "BriefSource", "FileDigest", "BriefError", "BriefProblem"]


_UNREADABLE_FOLDER = "the folder cannot be read ({}); let the user that runs this read it"


@dataclass
class _Reading:
    """What one pass over the folder collects."""

    root: Path
    documents: dict[tuple[BriefKind, str], Document | None] = field(default_factory=dict)
    brands: dict[str, Brand] = field(default_factory=dict)
    campaigns: dict[str, Campaign] = field(default_factory=dict)
    channels: dict[str, Channel] = field(default_factory=dict)
    # Id to what people call it. None: an unreadable file may have had more.
    channel_names: Mapping[str, str] | None = None
    # Ids of the folder's own channels, sound or not.
    own_channels: tuple[str, ...] = ()
    disclosure: Document | None = None
    files: dict[str, FileDigest] = field(default_factory=dict)
    fonts: dict[str, FontFile] = field(default_factory=dict)
    problems: list[BriefProblem] = field(default_factory=list)
    refused: set[tuple[str, str]] = field(default_factory=set)

    def report(self, problems: Iterable[BriefProblem]) -> None:
        """Keep problems, except a second one about a key that the YAML parser has refused."""
        self.problems += [p for p in problems if (p.file, p.key) not in self.refused]


def load_briefs(
    config_dir: Path, *, wanted: Collection[str] = (), leaves_out: bool = False
) -> Briefs:
    """Read every brief of a config folder.

    Args:
        config_dir: Folder with `brands/`, `campaigns/` and, if wanted, `channels.yaml`.
        wanted: Ids of the campaigns that must be sound, with their brands and channels. A file that
            none of them needs is then left out where it has problems. All must be sound when empty.
        leaves_out: Leave out every brief that has problems, as long as a campaign is left.

    Returns:
        The briefs, in the order of their file names; empty when the folder has none.

    Raises:
        BriefError: The folder is missing, or any file that is needed has any problem; it carries
            all of them.
    """
    message = _find_folder_fault(config_dir)
    if message is not None:
        raise BriefError(config_dir, [BriefProblem(str(config_dir), None, "", "", message)])
    reading = _Reading(config_dir)
    with collector_paused():
        _read_channels(reading)
        _read_disclosure(reading)
        _read_folder(reading, "brand", BRANDS_FOLDER)
        _read_folder(reading, "campaign", CAMPAIGNS_FOLDER)
        _check_brands(reading)
        _check_campaigns(reading)
    _spare_other_campaigns(reading)
    needed = {CHANNELS_FILE, DISCLOSURE_FILE} if leaves_out else _list_needed(reading, wanted)
    if any(
        needed is None or needed.intersection(problem.stopped_files) for problem in reading.problems
    ):
        raise BriefError(config_dir, reading.problems)
    _leave_out_broken(reading)
    if reading.problems and not reading.campaigns:
        raise BriefError(config_dir, reading.problems)
    return Briefs(
        root=config_dir,
        brands=reading.brands,
        campaigns=reading.campaigns,
        channels=reading.channels,
        files=reading.files,
        fonts=reading.fonts,
        sources={key: _describe(doc) for key, doc in reading.documents.items() if doc},
        set_aside=tuple(reading.problems),
        disclosure=reading.disclosure,
    )


def _find_folder_fault(config_dir: Path) -> str | None:
    """Return why no briefs can be read from a folder, or None."""
    try:
        if find_path_fault(str(config_dir)) is None and config_dir.is_dir():
            # What may not be entered is an error here, and no file that is not there.
            (config_dir / CHANNELS_FILE).exists()
            return None
    except OSError as error:
        return _UNREADABLE_FOLDER.format(error.strerror)
    return "no such folder; create it or set NBP_CONFIG to the folder of the briefs"


def _list_needed(reading: _Reading, wanted: Collection[str]) -> set[str] | None:
    """Return the files that some campaigns are read from; None where that can't be told.

    A channel with a problem is no problem of the file that every campaign needs: see
    `_spare_other_campaigns`.
    """
    needed = {CHANNELS_FILE, DISCLOSURE_FILE}
    for campaign_id in wanted:
        document = reading.documents.get(("campaign", campaign_id))
        if document is None:
            return None
        needed |= {document.file, f"{BRANDS_FOLDER}/{document.data.get('brand')}.yaml"}
    return needed if wanted else None


def _spare_other_campaigns(reading: _Reading) -> None:
    """Have a problem of one channel stop the campaigns that name it, and no others."""
    for place, problem in enumerate(reading.problems):
        name = _channel_of(reading, problem)
        if name is not None:
            stopped = [
                document.file
                for _, document in _documents(reading, "campaign")
                if name in _named_channels(document)
            ]
            reading.problems[place] = replace(problem, stops=(f"{CHANNELS_FILE}: {name}", *stopped))


def _channel_of(reading: _Reading, problem: BriefProblem) -> str | None:
    """Return the folder's own channel that a problem is of; None where it is of none, or of all."""
    if problem.file != CHANNELS_FILE:
        return None
    keys = {format_key((name,)): name for name in reading.own_channels}
    starts = (name for key, name in keys.items() if problem.key.startswith((f"{key}.", f"{key}[")))
    return keys.get(problem.key) or next(starts, None)


def _named_channels(campaign: Document) -> tuple[object, ...]:
    """Return the channels that a campaign names as written, valid or not."""
    named = campaign.data.get("channels")
    return named if isinstance(named, tuple) else ()


def _leave_out_broken(reading: _Reading) -> None:
    """Take out each brief that a problem stops, and the campaigns of such a brand."""
    broken = {file for problem in reading.problems for file in problem.stopped_files}
    if not broken:
        return
    for key, document in list(reading.documents.items()):
        if document is None or document.file in broken:
            del reading.documents[key]
    brands, campaigns = reading.brands, reading.campaigns
    reading.brands = {name: brands[name] for name in brands if ("brand", name) in reading.documents}
    reading.campaigns = {
        name: campaign
        for name, campaign in campaigns.items()
        if ("campaign", name) in reading.documents and campaign.brand in reading.brands
    }


def _describe(document: Document) -> BriefSource:
    return BriefSource(document.path, document.file, document.sha256, document.lines)


def _read_channels(reading: _Reading) -> None:
    packaged = load_packaged_channels()
    reading.channels.update(packaged)
    path = reading.root / CHANNELS_FILE
    if not path.exists():
        reading.channel_names = _named(reading.channels)
        return
    document = _read_document(reading, path, CHANNELS_FILE)
    if document:
        reading.own_channels = tuple(document.data)
        added, problems = read_channels(document, packaged=packaged)
        reading.report(problems)
        reading.channels.update(added)
        # A channel with a problem is still a name that campaigns may use.
        known = _named(reading.channels)
        reading.channel_names = {name: known.get(name, "") for name in [*packaged, *document.data]}


def _read_disclosure(reading: _Reading) -> None:
    """Read the folder's own rows of disclosure; `disclosure.own_table` says what they may hold."""
    path = reading.root / DISCLOSURE_FILE
    if path.exists():
        reading.disclosure = _read_document(reading, path, DISCLOSURE_FILE)


def _named(channels: Mapping[str, Channel]) -> dict[str, str]:
    return {channel.id: channel.name for channel in channels.values()}


def _list_files(reading: _Reading, folder: str) -> list[Path]:
    """Return the files of a folder of briefs; `Path.glob` is silent of one it may not read."""
    try:
        paths = sorted((reading.root / folder).iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        message = _UNREADABLE_FOLDER.format(error.strerror)
        reading.problems.append(BriefProblem(folder, None, "", "", message))
        return []
    return [path for path in paths if path.match("*.y*ml") and not path.name.startswith(".")]


def _read_folder(reading: _Reading, kind: BriefKind, folder: str) -> None:
    for path in _list_files(reading, folder):
        file = f"{folder}/{path.name}"
        if path.suffix != ".yaml":
            message = f"is not read under this name; rename it to {path.stem}.yaml"
            reading.problems.append(BriefProblem(file, None, "", "", message))
            continue
        document = _read_document(reading, path, file)
        if document is not None:
            document, problems = spell_locales(document)
            reading.problems += problems
        reading.documents[(kind, path.stem)] = document


def _read_document(reading: _Reading, path: Path, file: str) -> Document | None:
    content = _read_bytes(path, reading.root)
    if isinstance(content, str):
        reading.problems.append(BriefProblem(file, None, "", "", content))
        return None
    document, problems = parse_document(content, file=file, path=path)
    reading.problems += problems
    reading.refused |= {(problem.file, problem.key) for problem in problems}
    # A key that could not be read is not missing as well.
    reading.refused |= {
        (problem.file, f"{problem.key}.{problem.value}".lstrip(".")) for problem in problems
    }
    return document


def _read_bytes(path: Path, root: Path) -> bytes | str:
    """Return a brief's bytes, one more than allowed at most, or why it cannot be read."""
    try:
        real = path.resolve(strict=True)
        if not real.is_relative_to(root.resolve(strict=True)):
            return "a link that leaves the config folder; copy the file into it"
        if not real.is_file():
            return "not a file; accepted: a YAML file"
        with real.open("rb") as stream:
            return stream.read(MAX_FILE_BYTES + 1)
    except (OSError, RuntimeError):  # RuntimeError: a link in a circle, before Python 3.13
        return "cannot be read; check the file, its links and its permissions"


def _documents(reading: _Reading, kind: BriefKind) -> Iterator[tuple[str, Document]]:
    for (its_kind, stem), document in reading.documents.items():
        if its_kind == kind and document:
            yield stem, document


def _check_id(reading: _Reading, kind: BriefKind, stem: str, document: Document) -> None:
    brief_id = document.data.get("id")
    if not isinstance(brief_id, str) or brief_id == stem:
        return
    owner = reading.documents.get((kind, brief_id))
    taken = f"already the id of {owner.file}; " if owner else ""
    message = f"{taken}accepted: {stem}, the name of the file"
    reading.report([document.problem(("id",), message)])


def _check_brands(reading: _Reading) -> None:
    for stem, document in _documents(reading, "brand"):
        brand, problems = check_record(Brand, document)
        reading.report(problems)
        if not any(problem.key == "id" for problem in problems):
            _check_id(reading, "brand", stem, document)
        refused = {problem.key for problem in problems}
        _check_references(reading, document, BRANDS_FOLDER, refused)
        for path, source in list_font_sources(document.data.get("fonts")):
            _check_font(reading, document, ("fonts", *path), source, refused)
        if brand:
            reading.brands[brand.id] = brand


def _check_references(
    reading: _Reading, document: Document, folder: str, refused: set[str]
) -> None:
    for path, source in _references(document.data):
        if is_address(source):
            fault = find_address_fault(source)
        else:
            digest = read_reference(source, reading.root, folder)
            fault = digest if isinstance(digest, str) else None
            if isinstance(digest, FileDigest):
                reading.files[resolve_source(source, folder)] = digest
        if fault:
            problem = document.problem(path, fault)
            reading.report([problem] if problem.key not in refused else [])


def _references(brief: Mapping[str, object]) -> Iterator[tuple[KeyPath, str]]:
    """Yield every image a brand or a campaign names, as written, valid or not."""
    logo = brief.get("logo")
    if isinstance(logo, str):
        yield ("logo",), logo
    yield from _listed(("style_references",), brief.get("style_references"))
    shots = brief.get("shots")
    for index, shot in enumerate(shots if isinstance(shots, tuple) else ()):
        edited = shot.get("from") if isinstance(shot, Mapping) else None
        if isinstance(edited, str) and edited and not is_shot_id(edited):
            yield ("shots", index, "from"), edited
    for group in ("characters", "products"):
        members = brief.get(group)
        for name, member in members.items() if isinstance(members, Mapping) else ():
            references = member.get("references") if isinstance(member, Mapping) else ()
            yield from _listed((group, name, "references"), references)


def _listed(path: KeyPath, references: object) -> Iterator[tuple[KeyPath, str]]:
    for index, item in enumerate(references if isinstance(references, tuple) else ()):
        if isinstance(item, str):
            yield (*path, index), item
        elif isinstance(item, Mapping) and isinstance(item.get("image"), str):
            yield (*path, index, "image"), item["image"]


def _check_font(
    reading: _Reading, document: Document, path: KeyPath, source: str, refused: set[str]
) -> None:
    font = read_font(source, reading.root)
    if isinstance(font, FontFile):
        reading.fonts[font.source] = font
        return
    problem = document.problem(path, font)
    reading.report([problem] if problem.key not in refused else [])


def _check_campaigns(reading: _Reading) -> None:
    brands: dict[str, Document | None] = {
        stem: document for (kind, stem), document in reading.documents.items() if kind == "brand"
    }
    # A brand whose id is not its file's name has its own problem; its campaigns need no second one.
    for _, document in _documents(reading, "brand"):
        if isinstance(document.data.get("id"), str):
            brands.setdefault(document.data["id"], document)
    for stem, document in _documents(reading, "campaign"):
        campaign, problems = check_record(Campaign, document)
        reading.report(problems)
        if not any(problem.key == "id" for problem in problems):
            _check_id(reading, "campaign", stem, document)
        refused = {problem.key for problem in problems}
        _check_references(reading, document, CAMPAIGNS_FOLDER, refused)
        more = check_campaign(document, brands, reading.channel_names)
        more += check_letters(document, brands, reading.fonts)
        reading.report(problem for problem in more if problem.key not in refused)
        if campaign:
            reading.campaigns[campaign.id] = campaign
