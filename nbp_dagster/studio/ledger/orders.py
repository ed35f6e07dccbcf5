"""Orders for images, their outcomes as values, never exceptions, and the progress callback."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    # For an annotation: a command that only reads the ledger does not import the briefs.
    from nbp_dagster.prompts.request import ImageRequest

FailureKind = Literal[
    "not_attempted", "over_budget", "unreachable", "service", "stuck", "bad_image", "rejected"
]


@dataclass(frozen=True)
class Order:
    """One image to buy: its request, price and budget.

    Attributes:
        request: The compiled request; its fingerprint identifies the order.
        price: USD, from the service's model object.
        scope: The campaign whose budget pays; `brand:<id>` for a character sheet.
        shot: Id of the shot; empty for a character sheet.
        parent: The refused fingerprint that this request softens, or the one whose picture failed
            a check and that it corrects.
        on_refusal: The order to try when the content policy refuses; None to leave it refused.
        rivals: Fingerprints that other models of the campaign's chain have for the same prompt.
            While one of them is open, this order is not bought.
        companions: Orders of the same prompt and another fingerprint, bought with it in one call
            of the service; at most three.
    """

    request: "ImageRequest"
    price: Decimal
    scope: str
    shot: str = ""
    parent: str | None = None
    on_refusal: "Order | None" = None
    companions: "tuple[Order, ...]" = ()
    rivals: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The prompt's partition key, or `brand/character` for a sheet."""
        return self.request.key


# Gives an order the price of today.
Requote = Callable[[Order], Order]


def keep_price(order: Order) -> Order:
    """Return an order as it is: nothing is bought that has another price."""
    return order


@dataclass(frozen=True)
class KeptImage:
    """An image in the store, as the service sent it.

    Attributes:
        sha256: Digest of the original bytes, hex; the image's name in the store.
        width: Pixels.
        height: Pixels.
        file_type: "png", "jpeg", "webp" or "avif", by its magic bytes.
        bytes: Size of the original file in bytes.
        labelled: The type the service gave, such as "png"; empty without one, and for images of
            earlier versions.
    """

    sha256: str
    width: int
    height: int
    file_type: str
    bytes: int
    labelled: str = ""


@dataclass(frozen=True)
class Receipt:
    """The ledger's figures of one paid generation.

    Attributes:
        fingerprint: Hash of everything that determines the picture.
        bought_for: Key of the prompt or sheet that paid; others with its fingerprint reuse it.
        generation_id: The service's id of the job.
        price_usd: Cost of this generation.
        attempt: 1 for the first purchase of the fingerprint; more after a failure.
        seconds_taken: From enqueue to completion.
        seconds_queued: From enqueue to start; None where the start is unknown, see `JobTimes`.
        seconds_working: From start to completion; None likewise.
        enqueued_at: Seconds since the epoch.
        completed_at: Seconds since the epoch.
        parent: The fingerprint that this one softens or corrects; None for an original.
    """

    fingerprint: str
    bought_for: str
    generation_id: str
    price_usd: Decimal
    attempt: int
    seconds_taken: float | None
    seconds_queued: float | None
    seconds_working: float | None
    enqueued_at: float | None
    completed_at: float | None
    parent: str | None = None


@dataclass(frozen=True)
class Generated:
    """Bought in this call, or adopted when it was already paid.

    Attributes:
        besides_usd: USD spent in this call on pictures of the order that are not kept.
    """

    key: str
    image: KeptImage
    receipt: Receipt
    besides_usd: Decimal = Decimal(0)


@dataclass(frozen=True)
class Reused:
    """Made earlier; no request was sent for it.

    Attributes:
        besides_usd: USD spent in this call on pictures of the order that are not kept.
    """

    key: str
    image: KeptImage
    receipt: Receipt
    besides_usd: Decimal = Decimal(0)


@dataclass(frozen=True)
class Refused:
    """Refused by the service's content policy; never requested again unchanged."""

    key: str
    fingerprint: str
    reason: str


@dataclass(frozen=True)
class Failed:
    """No image this time; the next run tries again.

    Attributes:
        key: The order's key.
        fingerprint: Hash of the request; empty when it could not be compiled.
        reason: One line for people, with the service's message where there is one.
        kind: The class of failure; "unreachable" where waiting mends it: nothing was bought, or
            the paid job stays open.
        is_unpriced: Whether it could not be learned what it costs: its model states no price, or
            can't be asked.
        spent_usd: USD that the service billed for it in this call.
        is_kept: Whether that is for a picture that is kept, and nothing could be made of.
    """

    key: str
    fingerprint: str
    reason: str
    kind: FailureKind
    is_unpriced: bool = False
    spent_usd: Decimal = Decimal(0)
    is_kept: bool = False


Outcome = Generated | Reused | Refused | Failed
Made = Generated | Reused


def fingerprint_of(outcome: Outcome) -> str:
    """Return the fingerprint of the request that an outcome is of; empty where it had none."""
    if isinstance(outcome, Generated | Reused):
        return outcome.receipt.fingerprint
    return outcome.fingerprint


def spent_on(outcome: Outcome) -> Decimal:
    """Return the USD that an outcome was billed in the call that brought it."""
    match outcome:
        case Generated():
            return outcome.receipt.price_usd + outcome.besides_usd
        case Reused():
            return outcome.besides_usd
        case Refused():
            return Decimal(0)
        case Failed():
            return outcome.spent_usd


@dataclass(frozen=True)
class OutcomeCounts:
    """Counts of outcomes by kind, and the USD newly billed.

    Attributes:
        spent_usd: All of it.
        unusable_usd: The part of it for which the service delivered nothing usable.
    """

    generated: int = 0
    reused: int = 0
    refused: int = 0
    failed: int = 0
    spent_usd: Decimal = Decimal(0)
    unusable_usd: Decimal = Decimal(0)

    def add(self, outcome: Outcome) -> "OutcomeCounts":
        """Return the counts with one more outcome."""
        generated, reused = isinstance(outcome, Generated), isinstance(outcome, Reused)
        spent = spent_on(outcome)
        in_vain = isinstance(outcome, Failed) and not outcome.is_kept
        return OutcomeCounts(
            generated=self.generated + generated,
            reused=self.reused + reused,
            refused=self.refused + isinstance(outcome, Refused),
            failed=self.failed + isinstance(outcome, Failed),
            spent_usd=self.spent_usd + spent,
            unusable_usd=self.unusable_usd + (spent if in_vain else 0),
        )

    @property
    def total(self) -> int:
        """Number of outcomes."""
        return self.generated + self.reused + self.refused + self.failed

    def in_words(self, *, none: str = "nothing made") -> str:
        """Return the counts above zero, and the USD spent, in words.

        For example "236 made, 4 refused, 35.40 USD".

        Args:
            none: Stands for the counts where there is no outcome.
        """
        counts = (
            (self.generated, "made"),
            (self.reused, "reused"),
            (self.refused, "refused"),
            (self.failed, "failed"),
        )
        words = [f"{count:,} {word}" for count, word in counts if count] or [none]
        unusable = self.unusable_usd
        vain = [f"{unusable:.2f} of it for nothing usable"] if unusable else []
        return ", ".join([*words, f"{self.spent_usd:.2f} USD", *vain])

    def to_json(self) -> Mapping[str, int | str]:
        """Return plain numbers for metadata and `--json` (USD as a decimal string)."""
        return {
            "generated": self.generated,
            "reused": self.reused,
            "refused": self.refused,
            "failed": self.failed,
            "spent_usd": str(self.spent_usd),
            "unusable_usd": str(self.unusable_usd),
        }


class Progress(Protocol):
    """Callback for the progress of a batch, such as the command line's progress bar."""

    def begin(self, total: int) -> None:
        """Start a batch of `total` orders."""
        ...

    def advance(self, outcome: Outcome) -> None:
        """Count one order whose outcome and pictures are recorded."""
        ...

    def wait(self, why: str) -> None:
        """Show that the batch waits, for nothing that it does itself; empty once it goes on."""
        ...


class NoProgress:
    """Progress that is shown nowhere."""

    def begin(self, total: int) -> None:
        """Do nothing."""

    def advance(self, outcome: Outcome) -> None:
        """Do nothing."""

    def wait(self, why: str) -> None:
        """Do nothing."""
