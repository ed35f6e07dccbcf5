"""Why a set may not leave: one function a reason, the gravest first."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from nbp_dagster.studio.checks.set_checks import run_set_checks
from nbp_dagster.studio.imaging.xmp import read_marks
from nbp_dagster.studio.manifest.manifest import Picture, SetManifest
from nbp_dagster.studio.manifest.value_types import LogoFacts

# Prompts, files or checks that an error names.
_NAMED: Final = 5
_SOURCE: Final = "Iptc4xmpExt:DigitalSourceType"


@dataclass(frozen=True)
class Candidate:
    """A set that somebody wants to send.

    Attributes:
        folder: The set's folder.
        manifest: What of it is sent.
        version: Data version of the set in the folder, of which the manifest may be a part.
        recorded: Data version of the set that Dagster has recorded; None where it has none.
        blocking_checks: Names of checks that the brand wants to be errors.
        allow_missing: Whether prompts may lack their pictures.
        allow_simulated: Whether every target is named as a trial.
        unapproved: What people have not approved, or rejected; a line each.
    """

    folder: Path
    manifest: SetManifest
    version: str
    recorded: str | None
    blocking_checks: tuple[str, ...]
    allow_missing: bool
    allow_simulated: bool
    unapproved: tuple[str, ...] = ()


Refusal = Callable[[Candidate], str | None]


def list_refusals(candidate: Candidate) -> Iterator[str]:
    """Yield each reason why a set may not be sent, in one line, with what to do."""
    for judge in REFUSALS:
        reason = judge(candidate)
        if reason is not None:
            yield reason


def _refuse_simulated(candidate: Candidate) -> str | None:
    if candidate.allow_simulated or not candidate.manifest.simulated:
        return None
    return (
        "it holds simulated pictures, and those are never published but to a target named as a "
        "trial (NBP_PUBLISH_TRIAL_TO, `nbp export --trial`): make it with NBP_MODE=live first"
    )


def _refuse_unrecorded(candidate: Candidate) -> str | None:
    if candidate.recorded == candidate.version:
        return None
    return (
        f"{candidate.folder} does not hold the set that Dagster has recorded; another machine "
        "wrote a newer one, or a run ended in between: materialize campaign_sets here first"
    )


def _refuse_blocked(candidate: Candidate) -> str | None:
    blocked = [
        f"{picture.prompt_key}: {check.name}"
        for picture in candidate.manifest.pictures
        for check in picture.failed_checks
        if check.severity == "error"
    ]
    blocked += [
        f"the set: {result.name}"
        for result in run_set_checks(candidate.manifest, candidate.blocking_checks)
        if result.verdict == "failed" and result.severity == "error"
    ]
    if not blocked:
        return None
    return (
        f"pictures failed a blocking check ({_name(list(dict.fromkeys(blocked)))}): make them "
        "again, or take the check out of the brand's blocking_checks"
    )


def _refuse_unapproved(candidate: Candidate) -> str | None:
    if not candidate.unapproved:
        return None
    return f"{'; '.join(candidate.unapproved)}: see `nbp review`"


def _refuse_gaps(candidate: Candidate) -> str | None:
    missing = candidate.manifest.missing
    if candidate.allow_missing or not missing:
        return None
    named = "; ".join(f"{item.prompt_key}: {item.reason}" for item in missing[:_NAMED])
    return (
        f"it lacks the pictures of {len(missing)} prompts ({named}); make them and "
        "materialize campaign_sets, or launch with `allow_missing: true` "
        "(`nbp export --allow-missing`)"
    )


def _refuse_edited(candidate: Candidate) -> str | None:
    manifest = candidate.manifest
    rows: tuple[Picture | LogoFacts, ...] = (*manifest.pictures, *manifest.logos)
    edited = [row.file for row in rows if not _is_as_written(candidate.folder, row)]
    if not edited:
        return None
    return (
        f"files were changed or removed after it was written ({_name(edited)}): "
        "materialize campaign_sets to write them again"
    )


def _refuse_unmarked(candidate: Candidate) -> str | None:
    rows = candidate.manifest.pictures
    unmarked = [row.file for row in rows if not _is_marked(candidate.folder, row)]
    if not unmarked:
        return None
    return (
        f"pictures do not say in their file that they are made with AI ({_name(unmarked)}): "
        "an earlier version made them; materialize channel_images and campaign_sets again"
    )


def _is_as_written(folder: Path, row: Picture | LogoFacts) -> bool:
    return hashlib.sha256(_read(folder, row)).hexdigest() == row.sha256


def _is_marked(folder: Path, picture: Picture) -> bool:
    return bool(read_marks(_read(folder, picture)).get(_SOURCE))


def _read(folder: Path, row: Picture | LogoFacts) -> bytes:
    """Return a file's bytes, none where they can't be read."""
    try:
        return (folder / row.file).read_bytes()
    except OSError:
        return b""


def _name(items: Sequence[str]) -> str:
    more = f" and {len(items) - _NAMED} more" if len(items) > _NAMED else ""
    return ", ".join(items[:_NAMED]) + more


REFUSALS: Final[tuple[Refusal, ...]] = (
    _refuse_simulated,
    _refuse_unrecorded,
    _refuse_blocked,
    _refuse_unapproved,
    _refuse_gaps,
    _refuse_edited,
    _refuse_unmarked,
)
"""Every reason; a new one is a function here, and what it judges a field of `Candidate`."""
