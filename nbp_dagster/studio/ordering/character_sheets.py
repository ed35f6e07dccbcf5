"""Which sheet each character has: supplied, generated and pinned, or still to be chosen."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from nbp_dagster.briefs.brief import Briefs
from nbp_dagster.briefs.models import DEFAULT_MODEL, MAX_CANDIDATES, Character
from nbp_dagster.errors import NbpError
from nbp_dagster.prompts.request import ImageRequest, Provider, Sheet, compile_sheet_request
from nbp_dagster.studio.ledger.ledger import Ledger
from nbp_dagster.studio.ledger.orders import Order
from nbp_dagster.studio.ledger.purchases import Purchase
from nbp_dagster.studio.ledger.sheet_pins import Pin, PinError, PinLog
from nbp_dagster.studio.ordering.order_builder import Quote, build_order
from nbp_dagster.studio.references.provided_sheets import use_supplied_sheet
from nbp_dagster.studio.references.reference_files import ReferenceFiles


@dataclass(frozen=True)
class Candidate:
    """An image that was made as a character's sheet.

    Attributes:
        number: From 1, in the order they were made; what is made later never renumbers it.
        digest: SHA-256 of the image, as hex.
        purchase: What it was bought with.
        is_present: Whether it was made of the traits the brief has now.
    """

    number: int
    digest: str
    purchase: Purchase
    is_present: bool


@dataclass(frozen=True, kw_only=True)
class SheetStatus:
    """How far a character's sheet is.

    Attributes:
        key: `brand/character`.
        sheet: What pictures are anchored to; None while there is none.
        orders: One a candidate the brief asks for; empty where references are supplied.
        latest: What the ledger holds of the orders, by fingerprint.
        candidates: Every image made for the character, oldest first.
        pin: The decision that holds.
        fault: Why its supplied images can't be used; None where they can.
        auto_pin: Whether the brief leaves the decision to the first candidate.
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
        """The candidates made of the traits the brief has now."""
        return tuple(item for item in self.candidates if item.is_present)

    @property
    def due(self) -> tuple[Order, ...]:
        """The orders that a run has to look after: never asked for, open, or failed and needed.

        Where a sheet is pinned a candidate that failed is not missed.
        """
        ended = ("made", "refused") if self.pin is None else _ENDED
        return tuple(order for order in self.orders if self.state(order) not in ended)

    @property
    def waits_for_pin(self) -> bool:
        """Whether it is for a person to choose now."""
        return self.sheet is None and bool(self.choices)

    def ask_for_pin(self) -> str:
        """Say what it waits for, and how to go on."""
        count = len(self.choices)
        look = "its candidate" if count == 1 else f"its {count} candidates"
        numbers = "|".join(str(item.number) for item in self.choices)
        return (
            f"waits for the sheet of {self.key} to be pinned: look at {look} with `nbp sheets "
            f"show {self.key}`, then `nbp sheets pin {self.key} {numbers}` (or set auto_pin)"
        )

    def state(self, order: Order) -> str:
        """Return the state of an order's purchase; empty where it was never asked for."""
        purchase = self.latest.get(order.request.fingerprint)
        return "" if purchase is None else purchase.state

    def first_choice(self) -> str | None:
        """Return the digest that `auto_pin` stands for: of the first candidate that is made.

        None while an earlier one may still come: every machine has to choose the same.
        """
        for order in self.orders:
            purchase = self.latest.get(order.request.fingerprint)
            if purchase is None or purchase.is_open:
                return None
            if purchase.image is not None:
                return purchase.image.sha256
        return None


_ENDED = ("made", "refused", "failed", "withdrawn", "lost")


class CharacterSheets:
    """Knows the sheets of the briefs' characters, and has them pinned.

    Args:
        briefs: Name the characters.
        provider: Who draws.
        quote: Gives the service's word on a model.
        references: Knows the digests of supplied images.
        ledger: Knows what was made.
        pins: Knows what was decided.
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
        """Return one order a candidate, all in one call; none when references are supplied.

        Raises:
            OxenError: The service can't be asked for its price.
            UnpricedModel: It states none.
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

    def standings(self, keys: Iterable[str]) -> dict[str, SheetStatus]:
        """Return how far the given sheets are, by key; writes nothing."""
        wanted = {key: self.orders(key) for key in dict.fromkeys(keys)}
        bought = [order for orders in wanted.values() for order in orders]
        latest = self._ledger.latest(order.request.fingerprint for order in bought)
        pins = self._pins.current(
            orders[0].request.fingerprint for orders in wanted.values() if orders
        )
        return {key: self._standing(key, orders, latest, pins) for key, orders in wanted.items()}

    def pin_automatically(self, keys: Iterable[str], *, who: str) -> None:
        """Write down what `auto_pin` decides, where nobody has decided anything."""
        for standing in self.standings(keys).values():
            digest = standing.first_choice()
            if standing.auto_pin and standing.pin is None and digest is not None:
                self._pins.pin_automatically(
                    standing.key, standing.made_for, digest, who=who, reason="auto_pin"
                )

    def pin_anew(self, sheet_key: str, digest: str, *, who: str) -> None:
        """Write down that a sheet was bought again to replace the present one."""
        [first, *_] = self.orders(sheet_key)
        self._pins.pin_automatically(
            sheet_key,
            first.request.fingerprint,
            digest,
            who=who,
            reason="auto_pin, bought again on purpose",
            anew=True,
        )

    def pin(self, standing: SheetStatus, choice: str, *, who: str, reason: str) -> Pin:
        """Pin one of a character's candidates.

        Args:
            standing: How far its sheet is.
            choice: The number of a candidate, or the first characters of its digest.
            who: Who decides.
            reason: Why.

        Raises:
            PinError: There is nothing to pin, or no such candidate.
        """
        candidate = _choose(standing, choice)
        return self._pins.pin(
            standing.key, standing.made_for, candidate.digest, who=who, reason=reason
        )

    def roll_back(self, standing: SheetStatus, *, who: str, reason: str) -> Pin:
        """Return to the sheet that was pinned before the present one.

        Raises:
            PinError: None was, or the sheet is supplied.
        """
        _require_generated(standing)
        return self._pins.roll_back(standing.key, standing.made_for, who=who, reason=reason)

    def history(self, standing: SheetStatus) -> tuple[Pin, ...]:
        """Return every decision about a character's present sheet, oldest first."""
        return self._pins.history(standing.made_for) if standing.made_for else ()

    def _requests(self, sheet_key: str) -> list[ImageRequest]:
        """The requests of all candidates there can be, however many the brief asks for."""
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

    def _standing(
        self,
        key: str,
        orders: tuple[Order, ...],
        latest: Mapping[str, Purchase],
        pins: Mapping[str, Pin],
    ) -> SheetStatus:
        if not orders:
            return self._adopted(key)
        standing = SheetStatus(
            key=key,
            sheet=None,
            orders=orders,
            latest=latest,
            candidates=tuple(self._candidates(key)),
            pin=pins.get(orders[0].request.fingerprint),
            auto_pin=self._character(key).auto_pin,
        )
        digest = standing.pin.digest if standing.pin is not None else None
        if digest is None and standing.auto_pin:
            digest = standing.first_choice()
        return standing if digest is None else replace(standing, sheet=_generated(key, digest))

    def _adopted(self, key: str) -> SheetStatus:
        try:
            sheet = use_supplied_sheet(self._briefs, key, self._references.digests)
        except NbpError as error:
            # Its own prompts fail with this; those of others need not.
            return SheetStatus(key=key, sheet=None, latest={}, fault=error)
        return SheetStatus(key=key, sheet=sheet, latest={})

    def _candidates(self, key: str) -> Iterator[Candidate]:
        fingerprints = {request.fingerprint for request in self._requests(key)}
        made = self._ledger.made_for(key, fingerprints)
        ours = (purchase for purchase in made if purchase.provider == self._provider)
        for number, purchase in enumerate(ours, start=1):
            if purchase.image is not None:
                yield Candidate(
                    number=number,
                    digest=purchase.image.sha256,
                    purchase=purchase,
                    is_present=purchase.fingerprint in fingerprints,
                )


def _generated(sheet_key: str, digest: str) -> Sheet:
    return Sheet(
        key=sheet_key, digests=(digest,), sources=(f"sheet:{sheet_key}",), origin="generated"
    )


def _require_generated(standing: SheetStatus) -> None:
    if not standing.orders:
        raise PinError(
            f"{standing.key}: its sheet is supplied by the brief's references; edit these instead"
        )


def _choose(standing: SheetStatus, choice: str) -> Candidate:
    _require_generated(standing)
    if not standing.candidates:
        raise PinError(f"{standing.key}: no sheet is made yet; make it with `nbp run`")
    if choice.isdecimal() and len(choice) < _LEAST_OF_A_DIGEST:
        found = [item for item in standing.candidates if item.number == int(choice)]
    else:
        found = [item for item in standing.candidates if item.digest.startswith(choice.lower())]
    if len({item.digest for item in found}) > 1:
        raise PinError(f"{standing.key}: {choice!r} begins several digests; give more of it")
    if not found or (len(choice) < _LEAST_OF_A_DIGEST and not choice.isdecimal()):
        known = ", ".join(f"{item.number} ({item.digest[:12]})" for item in standing.candidates)
        raise PinError(f"{standing.key}: no candidate {choice!r}; there are: {known}")
    return found[0]


# Shorter ones are numbers of candidates.
_LEAST_OF_A_DIGEST = 8
