"""What became of one order for an image; a value, never an exception."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, Protocol

from nbp_dagster.prompts.request import ImageRequest

FailureKind = Literal["not_attempted", "over_budget", "service", "stuck", "bad_image", "rejected"]


@dataclass(frozen=True)
class Order:
    """One image to have: the request, and what it is worth.

    Attributes:
        request: The compiled request; its fingerprint identifies the order.
        price: USD the service's model object asks for it.
        scope: The campaign whose budget pays; `brand:<id>` for a character sheet.
        shot: Id of the shot; empty for a character sheet.
        parent: The refused fingerprint that this request softens, or the one whose picture fell
            short and that it corrects.
        on_refusal: What to try when the content policy refuses; None to leave it refused.
        companions: Orders of the same words and another fingerprint, bought with it in one call
            of the service; at most three.
    """

    request: ImageRequest
    price: Decimal
    scope: str
    shot: str = ""
    parent: str | None = None
    on_refusal: "Order | None" = None
    companions: "tuple[Order, ...]" = ()

    @property
    def key(self) -> str:
        """The prompt's partition key, or `brand/character` for a sheet."""
        return self.request.key


@dataclass(frozen=True)
class KeptImage:
    """An image in the store, as the service sent it.

    Attributes:
        sha256: Digest of the original bytes, hex; the image's name in the store.
        width: Pixels.
        height: Pixels.
        file_type: "png", "jpeg", "webp" or "avif", by its magic bytes.
        bytes: Size of the original file in bytes.
        labelled: What the service called it, such as "png"; empty where it said nothing, and for
            images of earlier versions.
    """

    sha256: str
    width: int
    height: int
    file_type: str
    bytes: int
    labelled: str = ""


@dataclass(frozen=True)
class Receipt:
    """What the ledger knows of one paid generation.

    Attributes:
        fingerprint: Hash of everything that decides the picture.
        generation_id: The service's id of the job.
        price_usd: What this generation cost.
        attempt: 1 for the first purchase of the fingerprint; more after a failure.
        seconds_taken: From enqueue to completion.
        seconds_queued: From enqueue to start; None where the service was not seen to say when it
            began, see `finished`.
        seconds_working: From start to completion; None likewise.
        enqueued_at: Seconds since the epoch.
        completed_at: Seconds since the epoch.
        parent: The fingerprint that this one softens or corrects; None for an original.
    """

    fingerprint: str
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
    """Bought (or adopted, when already paid for) in this call.

    Attributes:
        besides_usd: USD spent in this call on pictures of the order that are not kept.
    """

    key: str
    image: KeptImage
    receipt: Receipt
    besides_usd: Decimal = Decimal(0)


@dataclass(frozen=True)
class Reused:
    """Finished earlier; nothing was asked of the service for it.

    Attributes:
        besides_usd: USD spent in this call on pictures of the order that are not kept.
    """

    key: str
    image: KeptImage
    receipt: Receipt
    besides_usd: Decimal = Decimal(0)


@dataclass(frozen=True)
class Refused:
    """The service's content policy said no; never asked again unchanged."""

    key: str
    fingerprint: str
    reason: str


@dataclass(frozen=True)
class Failed:
    """No image this time; the next run tries again.

    Attributes:
        key: The order's key.
        fingerprint: Hash of the request; empty when it could not be compiled.
        reason: One line for a person, with the service's words where there are any.
        kind: Which of the ways to fail it was.
    """

    key: str
    fingerprint: str
    reason: str
    kind: FailureKind


Outcome = Generated | Reused | Refused | Failed
Made = Generated | Reused


@dataclass(frozen=True)
class OutcomeCounts:
    """Counts of outcomes by kind, and what was newly spent."""

    generated: int = 0
    reused: int = 0
    refused: int = 0
    failed: int = 0
    spent_usd: Decimal = Decimal(0)

    def add(self, outcome: Outcome) -> "OutcomeCounts":
        """Return a tally with one more outcome counted."""
        generated, reused = isinstance(outcome, Generated), isinstance(outcome, Reused)
        spent = outcome.receipt.price_usd if isinstance(outcome, Generated) else Decimal(0)
        if isinstance(outcome, Generated | Reused):
            spent += outcome.besides_usd
        return OutcomeCounts(
            generated=self.generated + generated,
            reused=self.reused + reused,
            refused=self.refused + isinstance(outcome, Refused),
            failed=self.failed + isinstance(outcome, Failed),
            spent_usd=self.spent_usd + spent,
        )

    @property
    def total(self) -> int:
        """How many outcomes were counted."""
        return self.generated + self.reused + self.refused + self.failed

    def in_words(self) -> str:
        """Return what was made, reused, refused, failed and spent, where there is any.

        For example "236 made, 4 refused, 35.40 USD".
        """
        counts = (
            (self.generated, "made"),
            (self.reused, "reused"),
            (self.refused, "refused"),
            (self.failed, "failed"),
        )
        words = [f"{count:,} {word}" for count, word in counts if count] or ["nothing to do"]
        return ", ".join([*words, f"{self.spent_usd:.2f} USD"])

    def to_json(self) -> Mapping[str, int | str]:
        """Return plain numbers for metadata and `--json` (USD as a decimal string)."""
        return {
            "generated": self.generated,
            "reused": self.reused,
            "refused": self.refused,
            "failed": self.failed,
            "spent_usd": str(self.spent_usd),
        }


class Progress(Protocol):
    """Whoever wants to know: the command line's bar, or nobody."""

    def begin(self, total: int) -> None:
        """A batch of `total` orders starts."""
        ...

    def advance(self, outcome: Outcome) -> None:
        """One order came to its outcome, and its pictures are recorded."""
        ...


class Silence:
    """Nobody listens."""

    def begin(self, total: int) -> None:
        """Hear nothing."""

    def advance(self, outcome: Outcome) -> None:
        """Hear nothing."""
