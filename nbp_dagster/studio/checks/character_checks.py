"""The character checks of an original, in one table: likeness, copy-paste rate, cast.

Their measurements are made in `measure_characters`; here are only the verdicts. Must not know
Dagster.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from nbp_dagster.studio.checks.characters.headcount import Headcount
from nbp_dagster.studio.checks.characters.lineup import Likeness
from nbp_dagster.studio.checks.check_table import Check, Finding, verdict_of
from nbp_dagster.studio.vision.network import INSTALL

DEFAULT_STANDINGS: Final[Mapping[str, float]] = {"colour": 0.5, "dino": 0.21, "body": 0.21}
"""By scorer: from here on a body counts as the character's where nothing was calibrated. Near the
points of equal errors on sprites (`make eval-characters`); of patches between 0.18, above cast and
drawn figures, and 0.23, above drawn figures alone. Other art styles have others: painted men on
pictures of the model 0.27 (`make eval-real`)."""

COPIED_SHARE: Final = 0.35
"""From here on a picture counts as a copy of its reference; others have under a sixth."""


@dataclass(frozen=True)
class CharacterInput:
    """One original as its checks see it.

    Attributes:
        prompt_key: Partition key.
        cast: Ids of the characters of the shot.
        likenesses: Of every character of the brand with a sheet, by id.
        thresholds: The standing from which each counts as itself.
        calibrated: Whether they were found on this brand's sheets.
        unmeasured: Why likeness could not be measured; empty where it was.
        copied: Share of a reference that came back as the picture, by character.
        heads: The picture's faces, counted; None where faces are left out.
        decided: Whether people's decisions set a threshold.
    """

    prompt_key: str
    cast: tuple[str, ...]
    likenesses: Mapping[str, Likeness]
    threshold: float
    calibrated: bool
    unmeasured: str
    copied: Mapping[str, float]
    heads: Headcount | None = None
    decided: bool = False

    @property
    def provenance(self) -> str:
        """Where the threshold comes from, in words."""
        if self.decided:
            return "found on this brand's sheets and on people's decisions"
        if self.calibrated:
            return "found on this brand's sheets"
        return "a default that is not calibrated for this brand: look, or run `nbp calibrate`"


def _skip(threshold: str, why: str) -> Finding:
    # Where the reason names what to install, a strict run fails.
    missing_extra = "character" if INSTALL in why else ""
    return Finding("skipped", threshold=threshold, sentence=why, missing_extra=missing_extra)


def _check_likeness(picture: CharacterInput) -> Finding:
    threshold = f"a standing of at least {picture.threshold:.2f}, {picture.provenance}"
    if not picture.cast:
        return _skip(threshold, "the shot has no character")
    if picture.unmeasured:
        return _skip(threshold, picture.unmeasured)
    found = {name: picture.likenesses[name] for name in picture.cast}
    unlike = [name for name, each in found.items() if each.answer == "other"]
    unsure = [name for name, each in found.items() if each.answer == "unsure"]
    silent = [name for name, each in found.items() if each.answer == "no opinion"]
    figures = {f"standing_{name}": each.standing for name, each in found.items()}
    figures |= {f"score_{name}": each.score for name, each in found.items()}
    figures |= {
        f"face_distance_{name}": each.distance
        for name, each in found.items()
        if each.distance is not None
    }
    parts = [
        f"{words}: {', '.join(_name_with_reason(name, found[name]) for name in names)}"
        for words, names in (
            ("unlike its sheet, or not there", unlike),
            ("unsure", unsure),
            ("no opinion", silent),
        )
        if names
    ]
    return Finding(
        "skipped" if len(silent) == len(found) else verdict_of(not unlike and not unsure),
        threshold=threshold,
        sentence="; ".join(parts) or _say_like(found),
        figures=figures,
        is_provisional=not picture.calibrated,
        # What is said of somebody to the model is said of those who are plainly another.
        subjects=tuple(unlike or unsure),
        is_unsure=not unlike and bool(unsure),
    )


def _say_like(found: Mapping[str, Likeness]) -> str:
    paths = ", ".join(f"{name} by its {each.path}" for name, each in found.items())
    return f"every character is like its sheet ({paths})"


def _name_with_reason(name: str, found: Likeness) -> str:
    """The character, what decided, and the distance of its face where one was compared."""
    if found.path == "face":
        return f"{name} (face at a distance of {found.distance:.2f})"
    return f"{name} ({found.note})" if found.note else name


def _check_copying(picture: CharacterInput) -> Finding:
    threshold = f"less than {COPIED_SHARE:.0%} of a reference in its own place"
    if not picture.copied:
        why = picture.unmeasured if picture.cast else "the shot has no character"
        return _skip(threshold, why or "no reference could be read")
    name, most = max(picture.copied.items(), key=lambda item: item[1])
    return Finding(
        verdict_of(most < COPIED_SHARE),
        threshold=threshold,
        sentence=f"{most:.0%} of a reference of {name} is there as it was sent",
        figures={"copied_share": most},
    )


def _check_cast(picture: CharacterInput) -> Finding:
    others = [name for name in picture.likenesses if name not in picture.cast]
    threshold = (
        f"no other character of the brand above {picture.threshold:.2f}, {picture.provenance}; "
        "a face for each character and no more"
    )
    if picture.unmeasured:
        return _skip(threshold, picture.unmeasured)
    doubts, seen = _count_heads(picture.heads)
    if not others and not doubts and (picture.heads is None or picture.heads.why_not):
        why = "the brand has no other character with a sheet"
        return _skip(threshold, f"{why}; {seen}" if seen else why)
    uninvited = [name for name in others if _is_uninvited(picture, name)]
    parts = [f"not of this shot: {', '.join(uninvited)}"] if uninvited else doubts
    figures = {"asked_for": len(picture.cast), "uninvited": len(uninvited)}
    if picture.heads is not None:
        figures["faces"] = picture.heads.faces
    return Finding(
        verdict_of(not parts),
        threshold=threshold,
        sentence="; ".join([*(parts or ["no other character"]), *([seen] if seen else [])]),
        figures=figures,
        is_provisional=not picture.calibrated,
        subjects=tuple(uninvited),
        # Faces are counted well enough to look, not to buy another picture for.
        is_unsure=not uninvited and bool(doubts),
    )


def _count_heads(heads: Headcount | None) -> tuple[list[str], str]:
    """What is odd about the number of faces, and what is said of it in any case."""
    if heads is None:
        return [], ""
    if heads.why_not:
        return [], f"faces can't tell how many are there: {heads.why_not}"
    doubts = []
    if heads.strangers:
        doubts.append(f"{heads.strangers} more than the shot asks for, unless its scene does")
    if heads.twice:
        doubts.append(f"there twice: {', '.join(heads.twice)}")
    if heads.missing:
        doubts.append(f"no face of {', '.join(heads.missing)}")
    return doubts, f"{heads.faces} face{'s' if heads.faces > 1 else ''} of size found"


def _is_uninvited(picture: CharacterInput, name: str) -> bool:
    """Whether somebody who is not of the shot is there.

    A figure that is more like a character of the shot than like itself is that character: by faces,
    where the very face is nearer to one of the shot; by bodies, where the score is.
    """
    found = picture.likenesses[name]
    cast = [picture.likenesses[each] for each in picture.cast if each in picture.likenesses]
    if found.answer != "same":
        return False
    if found.path == "face":
        return all(each.face != found.face or each.standing < found.standing for each in cast)
    return found.score > max((each.score for each in cast), default=-1.0)


CHARACTER_CHECKS: Final[tuple[Check[CharacterInput], ...]] = (
    Check(
        "cross_similarity",
        "Every character of the shot is as like its sheet as chance does not explain.",
        "warn",
        _check_likeness,
    ),
    Check(
        "copy_paste_rate",
        "The picture is a new one, not a reference sent back.",
        "warn",
        _check_copying,
    ),
    Check(
        "cast_count",
        "Nobody is there whom the shot does not have, nobody twice, and nobody is missing.",
        "warn",
        _check_cast,
    ),
)
