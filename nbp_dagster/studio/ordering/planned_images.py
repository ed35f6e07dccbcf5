"""A plan as values: each image's standing and price, and their sum; knows not how it is made."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

PlannedState = Literal[
    "made",
    "open",
    "refused",
    "left_alone",
    "to_make",
    "waits_for_sheet",
    "waits_for_pin",
    "waits_for_original",
    "waits_for_approval",
    "invalid",
]


@dataclass(frozen=True)
class PlannedImage:
    """One image of the plan: a prompt, or a character sheet that has to be made first.

    Attributes:
        key: Prompt key, or `brand/character` for a sheet.
        kind: "prompt" or "sheet".
        standing: "made", "refused" and "left_alone" (it failed too often) cost nothing; "open" has
            a job at the service; "to_make" will be bought; "waits_for_sheet" will be bought after
            its character's sheet, whose bytes are part of its fingerprint; "waits_for_pin" is a
            sheet that is made and that a person has to choose, or a prompt that is not bought
            before they have; "waits_for_original" is an edit
            that will be bought after the picture it starts from; "waits_for_approval" one that is
            not bought before a person has approved that; "invalid" can't be bought.
        price_usd: What a run would still spend on it.
        prompt: The text sent to the model; empty while it can't be compiled.
        references: Role, subject, source and digest of each reference, in the order of sending.
        fingerprint: Hash of the request; None while it can't be known.
        reason: Why it is refused, left alone, waits or is invalid.
        why: Why it is to be bought, in a few words each, such as "scene edited"; of a made one why
            its files are made again, which is free, and empty where they are not.
        may_correct: Most corrections that may be bought if this picture fails a check.
        correction_usd: What each correction would cost.
        note: How a banner's picture is asked for, where that is not as its shot says.
        request_hash: Hash of the request, the bytes of sheets to be made left out. Images that have
            the same are one purchase.
        shared_with: Key of the prompt before it that has the very same request: one picture is
            bought for both, and its price is with that one. Empty where there is none.
        is_unpriced: Whether its price could not be learned; `price_usd` means nothing then.
        later_usd: What it costs once a person has pinned its sheets; not in `price_usd`.
    """

    key: str
    kind: Literal["prompt", "sheet"]
    standing: PlannedState
    price_usd: Decimal
    prompt: str = ""
    references: tuple[Mapping[str, str], ...] = ()
    fingerprint: str | None = None
    reason: str = ""
    why: tuple[str, ...] = ()
    may_correct: int = 0
    correction_usd: Decimal = Decimal(0)
    note: str = ""
    request_hash: str = ""
    shared_with: str = ""
    is_unpriced: bool = False
    later_usd: Decimal = Decimal(0)

    @property
    def is_due(self) -> bool:
        """Whether a run buys it; not where the picture of another prompt serves it."""
        waits = ("to_make", "waits_for_sheet", "waits_for_original")
        return self.standing in waits and not self.shared_with

    @property
    def is_hopeless(self) -> bool:
        """Whether a run can do nothing about it before somebody has edited or reopened it."""
        return self.standing in ("refused", "left_alone", "invalid")

    @property
    def will_change(self) -> bool:
        """Whether a run brings another picture: bought, or fetched from the service."""
        return self.is_due or self.standing == "open"

    @property
    def is_rendered_again(self) -> bool:
        """Whether a run makes its files again, and buys nothing for them."""
        return self.standing == "made" and bool(self.why)

    def to_json(self) -> dict[str, Any]:
        """Return plain values; USD as a decimal string."""
        return {
            "key": self.key,
            "kind": self.kind,
            "standing": self.standing,
            "price_usd": None if self.is_unpriced else str(self.price_usd),
            "later_usd": str(self.later_usd),
            "fingerprint": self.fingerprint,
            "references": [dict(item) for item in self.references],
            "prompt": self.prompt,
            "reason": self.reason,
            "why": list(self.why),
            "may_correct": self.may_correct,
            "note": self.note,
            "shared_with": self.shared_with,
        }


@dataclass(frozen=True)
class Plan:
    """Everything a run over some campaigns would touch.

    Attributes:
        images: In the order a run buys them.
        over: One line for each cap that it would break, with the amount.
    """

    images: tuple[PlannedImage, ...]
    over: tuple[str, ...] = ()

    @property
    def total_usd(self) -> Decimal:
        """USD that a run would spend, images without a known price left out."""
        return sum((image.price_usd for image in self.images), Decimal(0))

    @property
    def corrections(self) -> tuple[int, Decimal]:
        """The most corrections that failed checks may lead to, and their USD.

        Not in `total_usd`: most pictures pass, and the caps hold for corrections too.
        """
        costs = [image.may_correct * image.correction_usd for image in self.images]
        return sum(image.may_correct for image in self.images), sum(costs, Decimal(0))

    @property
    def after_pins(self) -> tuple[int, Decimal]:
        """How many pictures follow once a person has pinned their sheets, and their USD.

        Not in `total_usd`: a run makes the sheets, and ends before them.
        """
        later = [
            image
            for image in self.images
            if image.kind == "prompt" and image.standing == "waits_for_pin"
        ]
        count = sum(not image.shared_with for image in later)
        return count, sum((image.later_usd for image in later), Decimal(0))
