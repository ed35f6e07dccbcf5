"""Says why images are due: from what the ledger and the records hold of the requests before.

Must not know: prices, or how reasons are shown.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final, cast, get_args

from nbp_dagster.prompts.reference_selection import Reference, Role
from nbp_dagster.prompts.request_changes import UNKNOWN, FormerRequest, find_changes
from nbp_dagster.studio.ledger.orders import Order
from nbp_dagster.studio.ledger.purchases import REOPENED, Purchase
from nbp_dagster.studio.ledger.reopening import cut_former
from nbp_dagster.studio.manifest.manifest import Picture
from nbp_dagster.studio.purchasing.failures import find_left_alone
from nbp_dagster.studio.purchasing.order_groups import OrderGroups, status_of
from nbp_dagster.studio.studio import Studio

NEW: Final = "new"
AGAIN: Final = "bought again on purpose"
ASKED: Final = "asked again by a person"
MILDER: Final = "refused before, asked in milder words"
NOT_IN_LEDGER: Final = (
    "new to this ledger, though its picture is here: `nbp ledger rebuild` looks for its purchase"
)
# Characters of a service's words in a table.
_WORDS: Final = 100
# Reasons that one line names.
_REASONS: Final = 4


def explain_due(
    studio: Studio, orders: Iterable[Order], latest: Mapping[str, Purchase]
) -> dict[str, tuple[str, ...]]:
    """Return why each order has to be bought, in a few words, by key.

    An order is compared with the request of the picture that is recorded here, else with the last
    one that was made for its key, else with the last that was asked for.

    Args:
        studio: Holds ledger, records and briefs.
        orders: Those that are to be bought, or fetched.
        latest: The latest purchase of each fingerprint that was ever claimed.
    """
    wanted = tuple(orders)
    keys = [order.key for order in wanted]
    asked = studio.ledger.latest_for(keys, provider=studio.provider)
    made = studio.ledger.latest_for(asked, provider=studio.provider, made_only=True)
    rows = {**asked, **made}
    pictures = _pictures_here(studio, keys)
    parents = [row.parent for row in rows.values()]
    parents += [picture.parent for picture in pictures.values()]
    firsts = studio.ledger.latest(parent for parent in parents if parent)
    names = {
        brand.id: {character.name: name for name, character in brand.characters.items()}
        for brand in studio.briefs.brands.values()
    }
    found: dict[str, tuple[str, ...]] = {}
    for order in wanted:
        tried = _explain_attempt(latest.get(order.request.fingerprint))
        picture, row = pictures.get(order.key), rows.get(order.key)
        former = _drawn(picture, firsts) or _bought(row, firsts)
        if former is None:
            is_new = picture is None and row is None
            found[order.key] = tried or ((NEW,) if is_new else (UNKNOWN,))
        elif former.fingerprint == order.request.fingerprint:
            found[order.key] = tried or (NOT_IN_LEDGER,)
        else:
            named = names[_brand_of(studio, order)]
            found[order.key] = (*tried, *find_changes(former, order.request, names=named))
    return found


def count_reasons(reasons: Iterable[tuple[str, ...]]) -> str:
    """Return why pictures are bought, as `3 scene edited; 2 new`; the most frequent first."""
    counts = Counter(map(", ".join, reasons))
    shown = counts.most_common(_REASONS)
    rest = counts.total() - sum(count for _, count in shown)
    words = [f"{count} {why}" for why, count in shown]
    return "; ".join([*words, f"{rest} for other reasons"] if rest else words)


def describe_due(studio: Studio, orders: Iterable[Order], *, fresh: bool) -> str:
    """Return how many of some orders a run buys and why; empty where it buys none."""
    wanted = studio.regenerations.current_orders(orders)
    latest = studio.purchases(wanted)
    rows = {order.key: status_of(order, latest) for order in wanted}
    made = [row for row in rows.values() if row is not None and row.state == "made"]
    left = find_left_alone(studio.ledger, wanted, latest, fresh=fresh)
    due = [
        order
        for order in wanted
        if ((row := rows[order.key]) is None or not row.is_in_use)
        and order.request.fingerprint not in left
    ]
    again = {row.fingerprint for row in made} if fresh else set()
    reasons = [
        # One purchase serves all orders of a fingerprint.
        *explain_due(studio, OrderGroups(due).firsts, latest).values(),
        *((AGAIN,) for _ in again),
        *((ASKED,) for order in wanted if not fresh and _is_asked(studio, order)),
    ]
    return f"{len(reasons)} to buy: {count_reasons(reasons)}" if reasons else ""


def _is_asked(studio: Studio, order: Order) -> bool:
    return studio.regenerations.asked_of(order.key) is not None


def _pictures_here(studio: Studio, keys: Iterable[str]) -> dict[str, Picture]:
    """Return a rendition of each key's picture, as its record has it; of this provider's alone."""
    found: dict[str, Picture] = {}
    for key in keys:
        record = studio.records.read(key)
        for picture in () if record is None else record.pictures[:1]:
            if picture.simulated == (studio.provider == "simulator"):
                found[key] = picture
    return found


def _brand_of(studio: Studio, order: Order) -> str:
    campaign = studio.briefs.campaigns.get(order.scope)
    return order.scope.removeprefix("brand:") if campaign is None else campaign.brand


def _explain_attempt(purchase: Purchase | None) -> tuple[str, ...]:
    """Say what became of the last attempt to buy the very same request."""
    if purchase is not None and purchase.state == "refused":
        # Due all the same: it has a milder wording that was not refused.
        return (MILDER,)
    if purchase is None or purchase.is_in_use:
        return ()
    words = purchase.reason or ""
    if purchase.run_id == REOPENED:
        return (cut_former(words)[:_WORDS],)
    if purchase.state == "withdrawn":
        return ("was not sent before",)
    if purchase.state == "lost":
        return ("the service no longer has its job",)
    words = words[:_WORDS]
    return (f"failed before: {words}" if words else "failed before",)


def _drawn(picture: Picture | None, firsts: Mapping[str, Purchase]) -> FormerRequest | None:
    """Return the request of the picture that is here."""
    if picture is None:
        return None
    if picture.parent is not None:
        return _bought(firsts.get(picture.parent), firsts)
    description = {
        "prompt": picture.prompt,
        "parameters": picture.parameters,
        "references": [vars(item) for item in picture.references],
        "variant": picture.variant,
    }
    provider = "simulator" if picture.simulated else "oxen"
    return _former(provider, picture.model, description, picture.fingerprint)


def _bought(row: Purchase | None, firsts: Mapping[str, Purchase]) -> FormerRequest | None:
    """Return the request of a purchase: of a milder or corrected one, that of the first."""
    seen: set[str] = set()
    while row is not None and row.parent is not None:
        row = None if row.parent in seen else firsts.get(row.parent)
        seen.update(() if row is None else (row.fingerprint,))
    return None if row is None else _former(row.provider, row.model, row.request, row.fingerprint)


def _former(
    provider: str, model: str, description: Mapping[str, Any], fingerprint: str
) -> FormerRequest | None:
    """Return a request by its description; None where an older version described it otherwise."""
    try:
        return FormerRequest(
            provider=cast(Any, provider),
            model=model,
            prompt=str(description["prompt"]),
            parameters=dict(description["parameters"]),
            references=tuple(map(_reference, description["references"])),
            variant=int(description["variant"]),
            fingerprint=fingerprint,
        )
    except (KeyError, TypeError, ValueError):
        return None


def _reference(item: Mapping[str, str]) -> Reference:
    role, subject, digest = item["role"], item["subject"], item["digest"]
    if role not in get_args(Role):
        raise ValueError(role)
    return Reference(cast(Role, role), subject, "", digest)
