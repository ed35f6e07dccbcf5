"""What an edit of briefs changes: which pictures become stale, at what price, and their prompts.

Compares two plans; must not know how either was made.
"""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from nbp_dagster.studio.ordering.planned_images import Plan, PlannedImage

_MOST_NAMED = 3  # keys in one line
_MOST_LISTED = 12  # lines of stale pictures
_CONTEXT = 40  # characters on either side of an edit


@dataclass(frozen=True)
class PromptDiff:
    """How the prompts of some pictures changed, all in the same way.

    Attributes:
        keys: Their keys.
        lines: The lines that changed, each after a minus or a plus; a line of context has a space.
    """

    keys: tuple[str, ...]
    lines: tuple[str, ...]


@dataclass(frozen=True)
class PlanChange:
    """What differs between two plans.

    Attributes:
        due: Pictures and sheets that have become due, as the later plan has them.
        rendered_again: Keys whose files have become due to be made again, free.
        settled: Keys that were due and are not any more.
        gone: Keys that the later plan does not have.
        diffs: Prompts that changed, each diff once.
        cost: USD by which the later plan is dearer; below 0 where it is cheaper.
    """

    due: tuple[PlannedImage, ...] = ()
    rendered_again: tuple[str, ...] = ()
    settled: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    diffs: tuple[PromptDiff, ...] = ()
    cost: Decimal = Decimal(0)

    @property
    def is_empty(self) -> bool:
        """Whether no picture changes."""
        return not (self.due or self.rendered_again or self.settled or self.gone or self.diffs)


def compare_plans(before: Plan, after: Plan) -> PlanChange:
    """Return what an edit between two plans changed."""
    old = {image.key: image for image in before.images}
    new = {image.key: image for image in after.images}
    return PlanChange(
        due=tuple(
            image
            for key, image in new.items()
            if image.is_due and not (key in old and _is_same(old[key], image))
        ),
        rendered_again=tuple(
            key
            for key, image in new.items()
            if image.is_rendered_again and not (key in old and old[key].is_rendered_again)
        ),
        settled=tuple(
            key
            for key, image in new.items()
            if key in old and old[key].is_due and not (image.is_due or image.later_usd)
        ),
        gone=tuple(key for key in old if key not in new),
        diffs=tuple(_list_diffs(old, new)),
        cost=after.total_usd - before.total_usd,
    )


def _is_same(old: PlannedImage, new: PlannedImage) -> bool:
    """Return whether a picture was due before, for the same request."""
    return old.is_due and old.request_hash == new.request_hash and old.prompt == new.prompt


def _list_diffs(
    old: Mapping[str, PlannedImage], new: Mapping[str, PlannedImage]
) -> Iterator[PromptDiff]:
    """Yield how prompts changed; an edited trait changes all of a character's in the same way."""
    alike: dict[tuple[str, ...], list[str]] = {}
    for key, image in new.items():
        if key in old and old[key].prompt and image.prompt and old[key].prompt != image.prompt:
            lines = tuple(_diff(old[key].prompt, image.prompt))
            alike.setdefault(lines, []).append(key)
    for lines, keys in alike.items():
        yield PromptDiff(tuple(keys), lines)


def _diff(old: str, new: str) -> Iterator[str]:
    """Yield lines that are gone and new; of a line that is edited, what is around the edit."""
    before, after = old.splitlines(), new.splitlines()
    for kind, start, end, first, last in difflib.SequenceMatcher(
        None, before, after, autojunk=False
    ).get_opcodes():
        if kind == "equal":
            continue
        gone, come = before[start:end], after[first:last]
        if len(gone) == len(come):
            for one, other in zip(gone, come, strict=True):
                yield from (
                    f"{sign} {text}" for sign, text in zip("-+", _cut(one, other), strict=True)
                )
        else:
            yield from (f"- {line}" for line in gone)
            yield from (f"+ {line}" for line in come)


def _cut(one: str, other: str) -> tuple[str, str]:
    """Return two lines without most of what they begin and end with alike."""
    begin = _count_alike(one, other)
    end = min(_count_alike(one[::-1], other[::-1]), min(len(one), len(other)) - begin)
    left = one.rfind(" ", 0, max(begin - _CONTEXT, 0)) + 1
    kept = max(end - _CONTEXT, 0)

    def show(line: str) -> str:
        right = line.find(" ", len(line) - kept) if kept else len(line)
        right = right if right >= 0 else len(line)
        return f"{'… ' if left else ''}{line[left:right]}{' …' if right < len(line) else ''}"

    return show(one), show(other)


def _count_alike(one: str, other: str) -> int:
    """Return how many characters two texts begin with alike."""
    pairs = enumerate(zip(one, other, strict=False))
    shortest = min(len(one), len(other))
    return next((place for place, (left, right) in pairs if left != right), shortest)


def describe_change(change: PlanChange) -> Iterator[str]:
    """Yield a change as lines for a terminal."""
    for image in change.due[:_MOST_LISTED]:
        why = ", ".join(image.why) or image.kind
        yield f"stale: {image.key}  {image.price_usd:.2f} USD  {why}"
    left = change.due[_MOST_LISTED:]
    if left:
        cost = sum((image.price_usd for image in left), Decimal(0))
        yield f"stale: {len(left)} more  {cost:.2f} USD"
    for label, keys in (
        ("files again, free", change.rendered_again),
        ("not due any more", change.settled),
        ("gone", change.gone),
    ):
        if keys:
            yield f"{label}: {_name(keys)}"
    for diff in change.diffs:
        yield f"prompt of {_name(diff.keys)}:"
        yield from (f"  {line}" for line in diff.lines)
    if change.cost:
        yield f"by this edit: {change.cost:+.2f} USD"
    if change.is_empty:
        yield "no picture changes"


def _name(keys: tuple[str, ...]) -> str:
    shown = ", ".join(keys[:_MOST_NAMED])
    left = len(keys) - _MOST_NAMED
    return f"{shown} and {left} more" if left > 0 else shown
