"""The manifest of a campaign's set: every field of it, with one row per picture; draws nothing."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import ClassVar, Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError

from nbp_dagster.briefs.models import FileType, TextMode
from nbp_dagster.errors import NbpError
from nbp_dagster.studio.imaging.crop import CropFacts
from nbp_dagster.studio.manifest.likeness_facts import LikenessFacts
from nbp_dagster.studio.manifest.value_types import (
    DisclosureFacts,
    DuplicateFacts,
    LogoFacts,
    SafeArea,
    SeenBox,
)

SCHEMA_VERSION: Literal[1] = 1
"""Raised with every change of the records below, so that readers reject what they can't read."""

ALL_LOCALES = "all"
"""The locale of a picture without words, which serves every locale of its campaign."""

MissingState = Literal["refused", "failed", "not_made"]
Verdict = Literal["passed", "failed", "skipped"]
Scalar = str | int | float | bool | None

_EXTENSIONS: Mapping[FileType, str] = {"jpeg": "jpg", "png": "png", "webp": "webp", "avif": "avif"}
_HEX_COLOUR = re.compile(r"#[0-9A-Fa-f]{6}")
LOGO_PATH = re.compile(r"logos/[a-z0-9_]+\.png")
"""Paths of logo files within a set."""

_PLAIN_PATH = re.compile(r"images/[A-Za-z0-9_-]+/[A-Za-z0-9_-][A-Za-z0-9_.-]*")


class ManifestError(NbpError):
    """A manifest that cannot be read, or a record that is invalid in one."""


@dataclass(frozen=True, kw_only=True)
class BrandFacts:
    """The brand a set was made for.

    Attributes:
        palette: Name of each brand colour to "#RRGGBB", in the brand's own order.
    """

    id: str
    name: str
    palette: Mapping[str, str]

    def __post_init__(self) -> None:
        for name, colour in self.palette.items():
            if not _HEX_COLOUR.fullmatch(colour):
                raise ManifestError(
                    f"brand {self.id}: palette colour {name} is {colour!r}; "
                    "write it as #RRGGBB in the brand's brief"
                )


@dataclass(frozen=True, kw_only=True)
class CampaignFacts:
    """The campaign as its brief states it.

    Attributes:
        locales: Every locale of the campaign, in brief order.
        brief_path: The brief's path, relative to the folder of briefs.
        brief_sha256: Digest of the brief's bytes, hex.
        commit: Commit of the repository the brief was read from; None outside a repository.
        markets: Where it runs, as the brief says; none where it does not say.
        realism: "photoreal" or "illustrated"; None where the briefs do not say.
    """

    id: str
    objective: str
    locales: tuple[str, ...]
    brief_path: str
    brief_sha256: str
    commit: str | None = None
    markets: tuple[str, ...] = ()
    realism: str | None = None


@dataclass(frozen=True, kw_only=True)
class CharacterFacts:
    """A character of the set and the sheets that anchor it.

    Attributes:
        traits: What never changes about the character, in the brief's words.
        sheets: sha256 (hex) of each approved reference image, in the order they are sent.
        kind: "person", "animal", "mascot" or "illustration"; None where the brief does not say.
    """

    id: str
    name: str
    traits: tuple[str, ...]
    sheets: tuple[str, ...]
    kind: str | None = None


@dataclass(frozen=True, kw_only=True)
class ShotFacts:
    """A scene and its words.

    Attributes:
        characters: Ids of the characters in the scene.
        products: Names of the products in the scene.
        copy: Field ("headline", ...) to locale to text.
    """

    id: str
    scene: str
    characters: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    text: TextMode = "drawn"
    copy: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, kw_only=True)
class ChannelFacts:
    """A placement: its exact size in pixels and what may cover its edges."""

    id: str
    name: str
    width: int
    height: int
    safe_area: SafeArea = field(default_factory=SafeArea)


@dataclass(frozen=True, kw_only=True)
class ReferenceFacts:
    """A reference image that was sent: its role, its subject and its sha256."""

    role: str
    subject: str
    digest: str


@dataclass(frozen=True, kw_only=True)
class CheckFacts:
    """One check's verdict on one picture, with its figures; no picture is bought for a doubt."""

    name: str
    verdict: Verdict
    sentence: str
    severity: str
    threshold: str = ""
    figures: Mapping[str, Scalar]
    missing_extra: str = ""
    subjects: tuple[str, ...] = ()
    is_unsure: bool = False


@dataclass(frozen=True, kw_only=True)
class Picture:
    """One rendition and its lineage.

    Attributes:
        file: Path within the set's folder; see `picture_file`.
        locale: The locale it is for, or `ALL_LOCALES`.
        ratio: The aspect ratio asked of the model, e.g. "9:16".
        variant: 1 for the first.
        width: Pixels of the rendition.
        height: Pixels of the rendition.
        bytes: Size of the rendition's file.
        sha256: Digest of the rendition's bytes, hex.
        prompt: The text sent to the model.
        parameters: The model's parameters, as sent.
        fingerprint: Hash of everything that decides the picture.
        generation_id: The service's id of the paid job.
        price_usd: What the generation cost; shared by the renditions made from it.
        reused: True when another prompt of the same request paid for the picture.
        billed: True when this prompt's own purchase was charged; never for a simulated picture.
        seconds_queued: From enqueue to start; None where the start is not known.
        seconds_working: From start to completion; None where the start is not known.
        original_sha256: Digest of the bytes as the service sent them, hex.
        simulated: True when the simulator drew it.
        framing: What of the original is shown; None in records of earlier versions.
        parent: The fingerprint that this one softens or corrects; None for an original.
        seconds_taken: From enqueue to completion; None in records of earlier versions.
        alt_texts: What it shows, in words, by language tag; empty in records of earlier versions.
        disclosure: What law and platforms ask of it, and the label it carries.
        boxes: Heads, subject and type on it; empty in records of earlier versions.
    """

    file: str
    channel: str
    shot: str
    locale: str
    ratio: str
    variant: int
    width: int
    height: int
    bytes: int
    sha256: str
    file_type: FileType
    prompt_key: str
    prompt: str
    references: tuple[ReferenceFacts, ...]
    model: str
    parameters: Mapping[str, Scalar]
    fingerprint: str
    generation_id: str
    price_usd: Decimal
    reused: bool
    billed: bool
    seconds_queued: float | None
    seconds_working: float | None
    original_sha256: str
    simulated: bool
    framing: CropFacts | None = None
    parent: str | None = None
    seconds_taken: float | None = None
    alt_texts: Mapping[str, str] = field(default_factory=dict)
    disclosure: DisclosureFacts = field(default_factory=DisclosureFacts)
    boxes: tuple[SeenBox, ...] = ()
    checks: tuple[CheckFacts, ...] = ()

    def __post_init__(self) -> None:
        require_plain_path(self.file, what=f"picture of {self.prompt_key}")

    @property
    def failed_checks(self) -> tuple[CheckFacts, ...]:
        """The checks it did not pass; skipped ones are not among them."""
        return tuple(check for check in self.checks if check.verdict == "failed")


@dataclass(frozen=True, kw_only=True)
class Missing:
    """A prompt of the campaign without a picture.

    Attributes:
        channels: Ids of the channels without it.
        state: "refused" by the service's content policy, "failed", or "not_made" so far.
        reason: One line for a person, with the service's words where there are any.
    """

    prompt_key: str
    shot: str
    locale: str
    ratio: str
    variant: int
    channels: tuple[str, ...]
    state: MissingState
    reason: str


@dataclass(frozen=True, kw_only=True)
class Totals:
    """Counts of a set, and what it cost.

    Attributes:
        pictures: Renditions in the set.
        prompts_made: Prompts that have their picture.
        reused: Of those, how many have a picture that another prompt paid for.
        missing: Prompts without a picture.
        spent_usd: USD that the set's pictures were charged at, on whichever machine and day; each
            generation is counted once.
    """

    pictures: int
    prompts_made: int
    reused: int
    missing: int
    spent_usd: Decimal


@dataclass(frozen=True, kw_only=True)
class SetManifest:
    """A campaign's set: its pictures with their lineage, and the prompts without one.

    Attributes:
        name: Title of the set, for people.
        created: When the set was written, with its time zone.
        simulated: True when any picture was drawn by the simulator.
        channels: In the campaign's order, whether or not they have pictures.
        shots: In the campaign's order, whether or not they have pictures.
        likenesses: By character; of each the least like its sheet first.
        twins: Near-duplicate originals, in the set's order.
        logos: Files of the brand's logo, for the platforms that ask for one.
        passed_over: Ids of variants that are not delivered, as another was chosen; none in a set's
            own folder.
    """

    # Read by pydantic in `from_json`: a wrong type or an unknown key is an error.
    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(strict=True, extra="forbid")

    schema_version: Literal[1] = SCHEMA_VERSION
    name: str
    created: datetime
    simulated: bool
    brand: BrandFacts
    campaign: CampaignFacts
    totals: Totals
    channels: tuple[ChannelFacts, ...]
    shots: tuple[ShotFacts, ...]
    characters: tuple[CharacterFacts, ...]
    pictures: tuple[Picture, ...]
    missing: tuple[Missing, ...] = ()
    likenesses: tuple[LikenessFacts, ...] = ()
    twins: tuple[DuplicateFacts, ...] = ()
    logos: tuple[LogoFacts, ...] = ()
    passed_over: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.created.tzinfo is None:
            raise ManifestError(
                f"manifest {self.name!r}: created {self.created.isoformat()} has no time zone; "
                "give it one (UTC is usual)"
            )
        for logo in self.logos:
            if not LOGO_PATH.fullmatch(logo.file):
                raise ManifestError(f"logo file {logo.file!r} is not a plain path logos/<name>.png")
        _require_known("channel", {channel.id for channel in self.channels}, self._channel_uses())
        _require_known("shot", {shot.id for shot in self.shots}, self._shot_uses())

    def _channel_uses(self) -> Iterable[tuple[str, str]]:
        yield from ((picture.channel, picture.prompt_key) for picture in self.pictures)
        for missing in self.missing:
            yield from ((channel, missing.prompt_key) for channel in missing.channels)

    def _shot_uses(self) -> Iterable[tuple[str, str]]:
        yield from ((picture.shot, picture.prompt_key) for picture in self.pictures)
        yield from ((missing.shot, missing.prompt_key) for missing in self.missing)


_ADAPTER = TypeAdapter(SetManifest)


def picture_file(
    *, channel: str, shot: str, locale: str, ratio: str, variant: int, file_type: FileType
) -> str:
    """Return the path of a picture within its set, e.g. `images/story/kitchen_en_9x16_v1.jpg`."""
    stem = f"{shot}_{locale}_{ratio.replace(':', 'x')}_v{variant}"
    return f"images/{channel}/{stem}.{_EXTENSIONS[file_type]}"


def count_totals(pictures: Iterable[Picture], missing: Iterable[Missing]) -> Totals:
    """Count a set; a prompt or a generation that serves several channels counts once."""
    rows = tuple(pictures)
    prices = {row.generation_id: row.price_usd for row in rows if row.billed}
    return Totals(
        pictures=len(rows),
        prompts_made=len({row.prompt_key for row in rows}),
        reused=len({row.prompt_key for row in rows if row.reused}),
        missing=len({row.prompt_key for row in missing}),
        spent_usd=sum(prices.values(), Decimal(0)),
    )


def set_digest(manifest: SetManifest) -> str:
    """Return a hash (hex) that changes when a picture, logo, check, score or gap does."""
    rows = [f"{row.file} {row.sha256}" for row in manifest.pictures]
    rows += [f"{row.prompt_key} {row.state}" for row in manifest.missing]
    rows += [
        f"{row.file} {check.name} {check.severity} {check.verdict} {check.sentence}"
        for row in manifest.pictures
        for check in row.checks
        if check.verdict != "passed"
    ]
    rows += [
        f"{row.prompt_key} {row.character} {row.scorer} {row.standing} {row.threshold}"
        for row in manifest.likenesses
    ]
    rows += [f"{row.file} {row.sha256}" for row in manifest.logos]
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()


def to_json(manifest: SetManifest) -> str:
    """Return the manifest as indented JSON, its keys in the order the records declare them.

    USD amounts are decimal strings, so that no reader rounds them.
    """
    return _ADAPTER.dump_json(manifest, indent=2).decode() + "\n"


def from_json(text: str | bytes, *, what: str = "manifest") -> SetManifest:
    """Parse what `to_json` returned.

    Args:
        what: Names the source in the error, usually its path.

    Raises:
        ManifestError: Not JSON, a field missing, unknown or of the wrong type, or another
            schema version.
    """
    try:
        return _ADAPTER.validate_json(text)
    except ValidationError as error:
        # Another schema version causes all other errors, so it is the one to show.
        problems = sorted(
            error.errors(include_url=False), key=lambda each: each["loc"] != ("schema_version",)
        )
        first = problems[0]
        field = ".".join(str(part) for part in first["loc"]) or "the document"
        seen = str(first["input"])[:80]
        raise ManifestError(
            f"{what}: {field}: {first['msg']}, saw {seen!r} "
            f"({len(problems)} in all); make the set again with this version"
        ) from error


def require_plain_path(file: str, *, what: str) -> None:
    """Reject a path that could leave a set's folder or be read as anything but a path.

    Args:
        what: Names the record in the error.

    Raises:
        ManifestError: Not of the form `images/<channel>/<file>`.
    """
    if not _PLAIN_PATH.fullmatch(file) or ".." in file.split("/"):
        raise ManifestError(
            f"{what}: file {file!r} is not a plain path images/<channel>/<file>; "
            "use letters, digits, '_', '-' and '.'"
        )


def _require_known(kind: str, known: set[str], uses: Iterable[tuple[str, str]]) -> None:
    for used, prompt_key in uses:
        if used not in known:
            raise ManifestError(
                f"{prompt_key}: {kind} {used!r} is not among the set's {kind}s; "
                f"known: {', '.join(sorted(known)) or 'none'}"
            )
