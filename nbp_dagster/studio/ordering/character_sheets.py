"""Resolves the sheet of each character: supplied, generated and pinned, or not chosen yet."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from nbp_dagster.briefs.brief import Briefs
from nbp_dagster.briefs.models import DEFAULT_MODEL, MAX_CANDIDATES, Character
from nbp_dagster.errors import NbpError
from nbp_dagster.oxen.errors import NotFound
from nbp_dagster.prompts.request import ImageRequest, Provider, Sheet, compile_sheet_request
from nbp_dagster.studio.ledger.ledger import Ledger
from nbp_dagster.studio.ledger.orders import Order
from nbp_dagster.studio.ledger.purchases import ENDED_IN_VAIN, Purchase
from nbp_dagster.studio.ledger.sheet_pins import Pin, PinError, PinLog
from nbp_dagster.studio.ordering.order_builder import Quote, build_order
from nbp_dagster.studio.references.provided_sheets import use_supplied_sheet
from nbp_dagster.studio.references.reference_files import ReferenceFiles


@dataclass(frozen=True)
class Candidate:
    """An image that was generated as a character's sheet.

    Attributes:
        number: From 1, in the order of generation; a later candidate never renumbers it.
        digest: SHA-256 of the image, as hex.
        purchase: Its purchase.
        is_present: Whether it was generated from the traits that the brief has now.
    """

    number: int
    digest: str
    purchase: Purchase
    is_present: bool


@dataclass(frozen=True, kw_only=True)
class SheetStatus:
    """The status of a character's sheet.

    Attributes:
        key: `brand/character`.
        sheet: The sheet that pictures refer to; None while there is none.
        orders: One for each candidate of the brief; empty where references are supplied.
        latest: The orders' purchases, by fingerprint.
        candidates: Every image generated for the character, oldest first.
        pin: The current pin.
        fault: Why its supplied images can't be used; None where they can.
        auto_pin: Whether the brief pins the first candidate automatically.
    """

    key: str
    sheet: Sheet | None
    orders: tuple[Order, ...] = ()
    latest: Mapping[str, Purchase]
    candidates: tuple[Candidate, ...] = ()
    pin: Pin | None = None
    fault: NbpError | None = None
    auto_pin: bool = False

    @property
    def made_for(self) -> str:
        """The fingerprint that pins are logged under; empty for a supplied sheet."""
        return self.orders[0].request.fingerprint if self.orders else ""

    @property
    def choices(self) -> tuple[Candidate, ...]:
        """The candidates generated from the traits that the brief has now."""
        return tuple(item for item in self.candidates if item.is_present)

    @property
    def due(self) -> tuple[Order, ...]:
        """The orders that a run has to buy or resume: not claimed, open, or failed and needed.

        Where a sheet is pinned, a failed candidate is not needed.
        """
        ended = ("made", "refused") if self.pin is None else _ENDED
        return tuple(order for order in self.orders if self.state(order) not in ended)

    @property
    def waits_for_pin(self) -> bool:
        """Whether a user has to choose a candidate."""
        return self.sheet is None and bool(self.choices)

    @property
    def needs_pin(self) -> bool:
        """Whether a user has to choose, now or once it is made, before any picture is bought."""
        return self.sheet is None and bool(self.orders) and not self.auto_pin

    def ask_for_pin(self) -> str:
        """Return the message that asks the user to pin a candidate."""
        count = len(self.choices)
        look = "its candidate" if count == 1 else f"its {count} candidates"
        numbers = "|".join(str(item.number) for item in self.choices)
        return (
            f"waits for the sheet of {self.key} to be pinned: look at {look} with `nbp sheets "
            f"show {self.key}`, then `nbp sheets pin {self.key} {numbers}` (or set auto_pin)"
        )

    def state(self, order: Order) -> str:
        """Return the state of an order's purchase; empty without a purchase."""
        purchase = self.latest.get(order.request.fingerprint)
        return "" if purchase is None else purchase.state

    def first_choice(self) -> str | None:
        """Return the digest that `auto_pin` chooses: that of the first candidate that is made.

        None while an earlier one is still open: every machine has to choose the same.
        """
        for order in self.orders:
            purchase = self.latest.get(order.request.fingerprint)
            if purchase is None or purchase.is_open:
                return None
            if purchase.image is not None:
                return purchase.image.sha256
        return None


_ENDED = ("made", "refused", *ENDED_IN_VAIN)


class CharacterSheets:
    """The sheets of the briefs' characters: their orders, their status, and their pins.

    Args:
        briefs: The briefs that define the characters.
        provider: "oxen" or "simulator".
        quote: Returns the quote of a model.
        references: Digests the supplied images.
        ledger: The purchases of candidates.
        pins: The log of pins.
    """

    def __init__(
        self,
        briefs: Briefs,
        *,
        provider: Provider,
        quote: Callable[[str], Quote],
        references: ReferenceFiles,
        ledger: Ledger,
        pins: PinLog,
    ) -> None:
        self._briefs = briefs
        self._provider = provider
        self._quote = quote
        self._references = references
        self._ledger = ledger
        self._pins = pins

    def orders(self, sheet_key: str) -> tuple[Order, ...]:
        """Return one order for each candidate, all in one call; none when references are supplied.

        Raises:
            OxenError: The service does not answer.
            UnpricedModel: It states no price.
        """
        character = self._character(sheet_key)
        if character.references:
            return ()
        quote, scope = self._quote(DEFAULT_MODEL), f"brand:{sheet_key.partition('/')[0]}"
        orders = tuple(
            build_order(request, price=quote.price(request.parameters, sheet_key), scope=scope)
            for request in self._requests(sheet_key)[: character.candidates]
        )
        return tuple(
            replace(order, companions=tuple(other for other in orders if other is not order))
            for order in orders
        )

    def statuses(self, keys: Iterable[str]) -> dict[str, SheetStatus]:
        """Return the status of the given sheets, by key; writes nothing.

        Raises:
            OxenError: The service does not answer.
            UnpricedModel: It states no price.
        """
        wanted: dict[str, tuple[Order, ...]] = {}
        faults: dict[str, SheetStatus] = {}
        names = tuple(dict.fromkeys(keys))
        for key in names:
            try:
                wanted[key] = self.orders(key)
            except NotFound as error:
                # The model is gone: only the prompts of this character fail with it.
                faults[key] = SheetStatus(key=key, sheet=None, latest={}, fault=error)
        bought = [order for orders in wanted.values() for order in orders]
        latest = self._ledger.latest(order.request.fingerprint for order in bought)
        pins = self._pins.current(
            orders[0].request.fingerprint for orders in wanted.values() if orders
        )
        found = {key: self._status_of(key, orders, latest, pins) for key, orders in wanted.items()}
        every = {**found, **faults}
        return {key: every[key] for key in names}

    def pin_automatically(self, keys: Iterable[str], *, who: str) -> None:
        """Pin what `auto_pin` chooses, where no pin exists."""
        for status in self.statuses(keys).values():
            digest = status.first_choice()
            if status.auto_pin and status.pin is None and digest is not None:
                self._pins.pin_automatically(
                    status.key, status.made_for, digest, who=who, reason="auto_pin"
                )

    def pin_anew(self, sheet_key: str, digest: str, *, who: str) -> None:
        """Pin a sheet that was bought again to replace the current one."""
        [first, *_] = self.orders(sheet_key)
        self._pins.pin_automatically(
            sheet_key,
            first.request.fingerprint,
            digest,
            who=who,
            reason="auto_pin, bought again on purpose",
            anew=True,
        )

    def pin(self, status: SheetStatus, choice: str, *, who: str, reason: str) -> Pin:
        """Pin one of a character's candidates.

        Args:
            status: The status of its sheet.
            choice: The number of a candidate, or the first characters of its digest.
            who: The user who decides.
            reason: The reason.

        Raises:
            PinError: There is no candidate to pin, or no such one.
        """
        candidate = _choose(status, choice)
        return self._pins.pin(status.key, status.made_for, candidate.digest, who=who, reason=reason)

    def roll_back(self, status: SheetStatus, *, who: str, reason: str) -> Pin:
        """Pin the sheet that was pinned before the current one.

        Raises:
            PinError: There is none, or the sheet is supplied.
        """
        _require_generated(status)
        return self._pins.roll_back(status.key, status.made_for, who=who, reason=reason)

    def history(self, status: SheetStatus) -> tuple[Pin, ...]:
        """Return every pin of a character's current request, oldest first."""
        return self._pins.history(status.made_for) if status.made_for else ()

    def _requests(self, sheet_key: str) -> list[ImageRequest]:
        """Return the requests of all possible candidates, whatever number the brief sets."""
        return [
            compile_sheet_request(
                self._briefs,
                sheet_key,
                provider=self._provider,
                capabilities=self._quote(DEFAULT_MODEL).capabilities,
                candidate=number,
            )
            for number in range(1, MAX_CANDIDATES + 1)
        ]

    def _character(self, sheet_key: str) -> Character:
        brand_id, _, character_id = sheet_key.partition("/")
        return self._briefs.brands[brand_id].characters[character_id]

    def _status_of(
        self,
        key: str,
        orders: tuple[Order, ...],
        latest: Mapping[str, Purchase],
        pins: Mapping[str, Pin],
    ) -> SheetStatus:
        if not orders:
            return self._supplied_status(key)
        status = SheetStatus(
            key=key,
            sheet=None,
            orders=orders,
            latest=latest,
            candidates=tuple(self._candidates(key)),
            pin=pins.get(orders[0].request.fingerprint),
            auto_pin=self._character(key).auto_pin,
        )
        digest = status.pin.digest if status.pin is not None else None
        if digest is None and status.auto_pin:
            digest = status.first_choice()
        return status if digest is None else replace(status, sheet=generated_sheet(key, digest))

    def _supplied_status(self, key: str) -> SheetStatus:
        try:
            sheet = use_supplied_sheet(self._briefs, key, self._references.digests)
        except NbpError as error:
            # Only the prompts of this character fail with it.
            return SheetStatus(key=key, sheet=None, latest={}, fault=error)
        return SheetStatus(key=key, sheet=sheet, latest={})

    def _candidates(self, key: str) -> Iterator[Candidate]:
        fingerprints = {request.fingerprint for request in self._requests(key)}
        made = self._ledger.made_for(key, fingerprints)
        own = (purchase for purchase in made if purchase.provider == self._provider)
        for number, purchase in enumerate(own, start=1):
            if purchase.image is not None:
                yield Candidate(
                    number=number,
                    digest=purchase.image.sha256,
                    purchase=purchase,
                    is_present=purchase.fingerprint in fingerprints,
                )


def generated_sheet(sheet_key: str, digest: str) -> Sheet:
    """Return the sheet that an image of the service is."""
    return Sheet(
        key=sheet_key, digests=(digest,), sources=(f"sheet:{sheet_key}",), origin="generated"
    )


def _require_generated(status: SheetStatus) -> None:
    if not status.orders:
        raise PinError(
            f"{status.key}: its sheet is supplied by the brief's references; edit these instead"
        )


def _choose(status: SheetStatus, choice: str) -> Candidate:
    _require_generated(status)
    if not status.candidates:
        raise PinError(f"{status.key}: no sheet is made yet; make it with `nbp run`")
    if choice.isdecimal() and len(choice) < _MIN_DIGEST_LENGTH:
        found = [item for item in status.candidates if item.number == int(choice)]
    else:
        found = [item for item in status.candidates if item.digest.startswith(choice.lower())]
    if len({item.digest for item in found}) > 1:
        raise PinError(f"{status.key}: {choice!r} begins several digests; give more of it")
    if not found or (len(choice) < _MIN_DIGEST_LENGTH and not choice.isdecimal()):
        known = ", ".join(f"{item.number} ({item.digest[:12]})" for item in status.candidates)
        raise PinError(f"{status.key}: no candidate {choice!r}; there are: {known}")
    return found[0]


# Shorter ones are numbers of candidates.
_MIN_DIGEST_LENGTH = 8
