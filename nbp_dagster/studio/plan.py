"""Dry run: what a run would buy and what it would cost."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Literal

from nbp_dagster.oxen.error_text import cut_query
from nbp_dagster.prompts.correction_text import find_note
from nbp_dagster.prompts.expansion import Prompt, is_wordless_banner
from nbp_dagster.prompts.request_changes import PENDING_DIGEST
from nbp_dagster.studio.due_reasons import AGAIN, explain_due
from nbp_dagster.studio.ledger.budget import describe_excess
from nbp_dagster.studio.ledger.correction_log import EDIT
from nbp_dagster.studio.ledger.orders import Failed, Order, Reused
from nbp_dagster.studio.ledger.purchases import Purchase
from nbp_dagster.studio.ledger.statements import OPEN
from nbp_dagster.studio.ordering.character_sheets import SheetStatus
from nbp_dagster.studio.ordering.planned_images import Plan, PlannedImage, PlannedState
from nbp_dagster.studio.purchasing.failures import find_left_alone
from nbp_dagster.studio.purchasing.order_groups import follow_refusals, status_of
from nbp_dagster.studio.regeneration_rules import failing
from nbp_dagster.studio.studio import Studio


def plan_campaigns(studio: Studio, campaigns: Iterable[str]) -> Plan:
    """Quote every prompt of some campaigns; see `plan_prompts`."""
    wanted = set(campaigns)
    return plan_prompts(studio, [prompt for prompt in studio.prompts if prompt.campaign in wanted])


def plan_prompts(studio: Studio, prompts: Sequence[Prompt], *, fresh: bool = False) -> Plan:
    """Quote prompts: the sheets they wait for first, then each prompt.

    Args:
        studio: Holds the briefs, the ledger and the service.
        prompts: Those in question, in brief order.
        fresh: Quote what is made already as bought again.

    Raises:
        BriefError: Reference images can't be used; every one is named.
        OxenError: The service can't be asked for its prices.
        UnpricedModel: A model has no price.
    """
    studio.compiler.require_references({prompt.campaign for prompt in prompts})
    stranded = find_stranded(studio, prompts)
    makable = [prompt for prompt in prompts if prompt.key not in stranded]
    sheet_keys = dict.fromkeys(
        key for prompt in makable for key in studio.compiler.sheets_of(prompt)
    )
    statuses = studio.compiler.character_sheets.statuses(sheet_keys)
    images = _planned_sheets(studio, [status for status in statuses.values() if status.orders])
    never = {image.key: image for image in images if image.is_hopeless}
    waiting = [
        prompt
        for prompt in makable
        if any(statuses[key].sheet is None for key in studio.compiler.sheets_of(prompt))
    ]
    held_back = {prompt.key for prompt in waiting}
    base_of = studio.compiler.edit_bases.key_of
    wanted = {prompt.key for prompt in prompts}
    edits = [p for p in makable if p.key not in held_back and base_of(p) in wanted]
    held_back.update(prompt.key for prompt in edits)
    by_key = _invalid(stranded.values())
    by_key |= _planned_prompts(studio, [p for p in makable if p.key not in held_back], fresh=fresh)
    by_key |= _waiting_prompts(studio, waiting, statuses)
    by_key |= {p.key: _without_sheets(studio, by_key[p.key], p, never) for p in waiting}
    # An open one has no bytes yet: its edits are bought by the run that fetches it.
    unmade = [p for p in edits if by_key[base_of(p) or ""].will_change]
    waits = {prompt.key for prompt in unmade}
    ready = [p for p in edits if p.key not in waits]
    by_key |= _planned_prompts(studio, ready, fresh=fresh)
    by_key |= _waiting_edits(studio, unmade)
    by_key |= _until_pinned(studio, prompts, by_key, statuses)
    follows = Counter(map(base_of, ready))
    rows = [_with_corrections(studio, p, by_key[p.key], edits=follows[p.key]) for p in prompts]
    images.extend(_price_once(rows))
    return Plan(images=tuple(images), over=tuple(_over_caps(studio, images)))


def find_stranded(studio: Studio, prompts: Sequence[Prompt]) -> dict[str, Failed]:
    """Return the edits whose picture to start from is neither made nor among the prompts, by key.

    A run over the prompts makes none of them, so that it needs no sheet for them.

    Args:
        studio: Holds the briefs, the ledger and the service.
        prompts: Those that the run is about.

    Raises:
        OxenError: The service is out of reach.
    """
    base_of = studio.compiler.edit_bases.key_of
    wanted = {None, *(prompt.key for prompt in prompts)}
    apart = [prompt for prompt in prompts if base_of(prompt) not in wanted]
    if not apart:
        return {}
    compiled = studio.compile(apart)
    # One that waits for a person's approval has its start.
    lacking = set(compiled.waiting).difference(compiled.for_review)
    return {failed.key: failed for failed in compiled.failures if failed.key in lacking}


def _planned_prompts(
    studio: Studio, prompts: Sequence[Prompt], *, fresh: bool
) -> dict[str, PlannedImage]:
    """Return the rows of prompts whose sheets are made, by key."""
    compiled = studio.compile(prompts, fresh=fresh)
    # The current picture may be a correction of what the brief compiles to.
    orders = compiled.orders.values()
    current = list(orders) if fresh else studio.regenerations.current_orders(orders)
    asked = {} if fresh else _asked_again(studio, current)
    known = studio.purchases([*current, *asked.values()])
    left = find_left_alone(studio.ledger, [*current, *asked.values()], known, fresh=fresh)
    by_key = {prompt.key: prompt for prompt in prompts}
    planned: dict[str, PlannedImage] = {}
    due: list[Order] = []
    for order in current:
        (wording, purchase), prompt = follow_refusals(order, known), by_key[order.key]
        if fresh and purchase is not None and purchase.state == "made":
            row = _ordered(order, None, "prompt", why=(AGAIN,))
            planned[order.key] = _with_note(studio, prompt, order, row)
            continue
        if order.key in asked:
            wanted = asked[order.key]
            told = (_tell_asked(studio, order.key, wanted),)
            row = _ordered(wanted, status_of(wanted, known), "prompt", why=told, left=left)
            planned[order.key] = row
            continue
        # Where nothing decides it, the wording that a run goes on with is what it buys.
        row = _ordered(order if purchase else wording, purchase, "prompt", left=left)
        row = _with_note(studio, prompt, order, row)
        if row.standing == "to_make":
            due.append(order)
        elif purchase is not None and purchase.image is not None:
            made = Reused(order.key, purchase.image, purchase.receipt())
            row = replace(row, why=studio.rendition_changes(prompt, made))
        planned[order.key] = row
    for key, why in explain_due(studio, due, known).items():
        planned[key] = replace(planned[key], why=why)
    rows = {**planned, **_invalid(compiled.failures)}
    for key, reason in compiled.for_review.items():
        rows[key] = replace(rows[key], standing="waits_for_approval", reason=reason)
    return rows


def _asked_again(studio: Studio, orders: Iterable[Order]) -> dict[str, Order]:
    """Return the orders of pictures that a person asked for again and that are not made, by key."""
    found = {order.key: studio.regenerations.asked_of(order.key) for order in orders}
    return {
        key: attempts.order_of(attempts.asked)
        for key, attempts in found.items()
        if attempts is not None and attempts.asked is not None
    }


def _tell_asked(studio: Studio, key: str, wanted: Order) -> str:
    """Return what a person asked for, in their words."""
    attempts = studio.regenerations.asked_of(key)
    row = None if attempts is None else attempts.asked
    if row is not None and row.checks == (EDIT,):
        return f"to be edited: {row.instruction}"
    return f"asked again: {find_note(wanted.request.prompt)}"


def _waiting_prompts(
    studio: Studio, prompts: Sequence[Prompt], statuses: Mapping[str, SheetStatus]
) -> dict[str, PlannedImage]:
    """Return the rows of prompts that wait for a sheet, by key; with their text all the same."""
    missing = [key for key, item in statuses.items() if item.sheet is None and item.fault is None]
    sketched = studio.compiler.sketch(prompts, missing, studio.compiler.edit_bases.keys_of(prompts))
    reasons = explain_due(studio, sketched.orders.values(), {})
    planned: dict[str, PlannedImage] = {}
    for prompt in prompts:
        if prompt.key in sketched.orders:
            order, why = sketched.orders[prompt.key], reasons[prompt.key]
            # A person comes between the sheet and an edit of what is made of it.
            approves = studio.compiler.edit_bases.needs_approval(prompt)
            row = _waiting_edit(studio, prompt, order, why=why) if approves else None
            planned[prompt.key] = row or _waiting(studio, prompt, order, statuses, why)
    return {**planned, **_invalid(sketched.failures)}


def _waiting_edits(studio: Studio, prompts: Sequence[Prompt]) -> dict[str, PlannedImage]:
    """Return the rows of edits whose picture to start from is bought first, by key."""
    if not prompts:
        return {}
    sketched = studio.compiler.sketch(prompts, (), studio.compiler.edit_bases.keys_of(prompts))
    reasons = explain_due(studio, sketched.orders.values(), {})
    orders, by_key = sketched.orders, {prompt.key: prompt for prompt in prompts}
    planned = {
        key: _waiting_edit(studio, by_key[key], order, why=reasons[key])
        for key, order in orders.items()
    }
    return {**planned, **_invalid(sketched.failures)}


def _waiting_edit(
    studio: Studio, prompt: Prompt, order: Order, *, why: tuple[str, ...]
) -> PlannedImage:
    """Return the row of an edit: with its price, unless a person has to approve its start first."""
    base = studio.compiler.edit_bases.key_of(prompt)
    row = replace(_ordered(order, None, "prompt", why=why), fingerprint=None)
    if studio.compiler.edit_bases.needs_approval(prompt):
        reason = f"an edit of {base}, which a person approves first"
        return replace(row, standing="waits_for_approval", price_usd=Decimal(0), reason=reason)
    return replace(row, standing="waits_for_original", reason=f"an edit of {base}, made first")


def _until_pinned(
    studio: Studio,
    prompts: Sequence[Prompt],
    rows: Mapping[str, PlannedImage],
    statuses: Mapping[str, SheetStatus],
) -> dict[str, PlannedImage]:
    """Return the rows of what no run buys before a person has pinned a sheet, by key.

    Args:
        studio: Knows the sheets of a prompt, and what it is an edit of.
        prompts: The prompts.
        rows: Their rows, by key.
        statuses: The sheets, by key.
    """
    unpinned = {key for key, status in statuses.items() if status.needs_pin}
    sheets_of, base_of = studio.compiler.sheets_of, studio.compiler.edit_bases.key_of
    held = {prompt.key for prompt in prompts if not unpinned.isdisjoint(sheets_of(prompt))}
    held |= {prompt.key for prompt in prompts if base_of(prompt) in held}
    return {
        key: replace(
            rows[key],
            standing="waits_for_pin",
            price_usd=Decimal(0),
            later_usd=rows[key].price_usd,
        )
        for key in held
        if rows[key].is_due
    }


def _with_note(studio: Studio, prompt: Prompt, order: Order, planned: PlannedImage) -> PlannedImage:
    """Say of a banner whose copy is drawn on the shot's other pictures how it is asked for."""
    campaign = studio.briefs.campaigns[prompt.campaign]
    if not is_wordless_banner(prompt, campaign.shot(prompt.shot)):
        return planned
    drawn = order.request.drawn_locale
    if drawn is not None:
        note = f"banner: asked before, with the words in {drawn}; --fresh asks for one without"
        return replace(planned, note=note)
    if planned.standing == "made":
        return planned
    once = ", once for all locales" if len(campaign.locales) > 1 else ""
    return replace(planned, note=f"banner: asked without words{once}")


def _price_once(rows: Iterable[PlannedImage]) -> Iterator[PlannedImage]:
    """Yield the rows; of those to be bought that have one request only the first has a price."""
    nothing = Decimal(0)
    firsts: dict[str, str] = {}
    for row in rows:
        is_bought = row.is_due or row.later_usd
        first = firsts.setdefault(row.request_hash, row.key) if is_bought else row.key
        if first == row.key:
            yield row
        else:
            free = replace(row, price_usd=nothing, later_usd=nothing)
            yield replace(free, shared_with=first, may_correct=0)


def _invalid(failures: Iterable[Failed]) -> dict[str, PlannedImage]:
    blank = PlannedImage("", "prompt", "invalid", Decimal(0))
    return {
        item.key: replace(blank, key=item.key, reason=item.reason, is_unpriced=item.is_unpriced)
        for item in failures
    }


def _with_corrections(
    studio: Studio, prompt: Prompt, planned: PlannedImage, *, edits: int
) -> PlannedImage:
    """Add the corrections that a prompt's campaign allows, with the edits that would follow."""
    campaign = studio.briefs.campaigns[prompt.campaign]
    correct = campaign.correct
    if correct is None or planned.is_hopeless or planned.standing == "waits_for_pin":
        return planned
    rows = studio.regenerations.corrections_of(prompt.key)
    left = correct.max_attempts - sum(row.kept is not None and not row.is_asked for row in rows)
    if planned.standing == "made":
        record = studio.records.read(prompt.key)
        passes = record is not None and not failing(record, correct.checks)
        left = 0 if passes else left
        left += edits if left > 0 else 0
    return replace(
        planned, may_correct=max(0, left), correction_usd=studio.compiler.price(campaign)
    )


def _over_caps(studio: Studio, images: Iterable[PlannedImage]) -> Iterator[str]:
    """Yield a line for each campaign's or day's cap that the plan would break."""
    costs: dict[str, Decimal] = {}
    for image in images:
        scope = image.key.split("/")[0] if image.kind == "prompt" else "sheets"
        costs[scope] = costs.get(scope, Decimal(0)) + image.price_usd
    for cap in studio.caps(costs):
        cost = sum(costs.values(), Decimal(0)) if cap.scope is None else costs[cap.scope]
        spent = studio.ledger.spent(cap, provider=studio.provider)
        excess = describe_excess(cap, spent=spent, cost=cost) if cost else None
        if excess is not None:
            yield excess


def _ordered(
    order: Order,
    purchase: Purchase | None,
    kind: Literal["prompt", "sheet"],
    *,
    why: tuple[str, ...] = (),
    left: Mapping[str, Failed] | None = None,
) -> PlannedImage:
    standing: PlannedState = "to_make"
    reason = ""
    if purchase is not None and purchase.state == "made":
        standing = "made"
    elif purchase is not None and purchase.state == "refused":
        standing, reason = "refused", purchase.reason or ""
    elif purchase is not None and purchase.is_open:
        standing, reason = "open", "bought by an earlier run; it is downloaded, not bought again"
    elif left and order.request.fingerprint in left:
        standing, reason = "left_alone", left[order.request.fingerprint].reason
    return PlannedImage(
        order.key,
        kind,
        standing,
        order.price if standing == "to_make" else Decimal(0),
        prompt=order.request.prompt,
        references=tuple(
            {
                "role": item.role,
                "subject": item.subject,
                "source": cut_query(item.source),
                "sha256": "" if item.digest == PENDING_DIGEST else item.digest,
            }
            for item in order.request.references
        ),
        fingerprint=order.request.fingerprint,
        reason=reason,
        why=why,
        request_hash=order.request.fingerprint,
    )


def _planned_sheets(studio: Studio, statuses: Sequence[SheetStatus]) -> list[PlannedImage]:
    """Return one row for each generated sheet."""
    latest = {name: row for status in statuses for name, row in status.latest.items()}
    wanted = [order for status in statuses for order in status.due]
    # A run asks for no sheet anew on purpose.
    left = find_left_alone(studio.ledger, wanted, latest, fresh=False)
    due = {
        status.key: [
            order
            for order in status.due
            if status.state(order) not in OPEN and order.request.fingerprint not in left
        ]
        for status in statuses
    }
    why = explain_due(studio, [orders[0] for orders in due.values() if orders], latest)
    return [
        _planned_sheet(status, due[status.key], why=why.get(status.key, ()), left=left)
        for status in statuses
    ]


def _planned_sheet(
    status: SheetStatus,
    due: Sequence[Order],
    *,
    why: tuple[str, ...],
    left: Mapping[str, Failed],
) -> PlannedImage:
    """Return the row of a generated sheet, at the price of the candidates still to buy."""
    first = status.orders[0]
    planned = _ordered(first, status.latest.get(status.made_for), "sheet", left=left)
    cost = sum((order.price for order in due), Decimal(0))
    if due:
        count = len(due)
        reason = "" if count == 1 else f"{count} candidates in one call"
        return replace(planned, standing="to_make", price_usd=cost, reason=reason, why=why)
    if any(status.state(order) in OPEN for order in status.due):
        return replace(planned, standing="open", price_usd=cost)
    if status.waits_for_pin:
        return replace(planned, standing="waits_for_pin", reason=status.ask_for_pin())
    if status.sheet is not None:
        return replace(planned, standing="made", reason="")
    return planned


def _waiting(
    studio: Studio,
    prompt: Prompt,
    order: Order,
    statuses: Mapping[str, SheetStatus],
    why: tuple[str, ...],
) -> PlannedImage:
    """Return the row of a prompt whose sheet is not made: it has a price but no fingerprint."""
    missing = [key for key in studio.compiler.sheets_of(prompt) if statuses[key].sheet is None]
    unpinned = [statuses[key].ask_for_pin() for key in missing if statuses[key].waits_for_pin]
    sheets = ", ".join(studio.compiler.sheets_of(prompt))
    return replace(
        _with_note(studio, prompt, order, _ordered(order, None, "prompt", why=why)),
        standing="waits_for_sheet",
        fingerprint=None,
        reason="; ".join(unpinned) or f"its fingerprint holds the bytes of {sheets}, made first",
    )


def _without_sheets(
    studio: Studio, planned: PlannedImage, prompt: Prompt, never: Mapping[str, PlannedImage]
) -> PlannedImage:
    """Return the row of a prompt that waits: as its sheet stands, where no run makes that.

    Args:
        studio: Knows the sheets of a prompt.
        planned: The row.
        prompt: The prompt.
        never: The rows of sheets that somebody has to edit or reopen first, by key.
    """
    halted = [never[key] for key in studio.compiler.sheets_of(prompt) if key in never]
    if planned.standing != "waits_for_sheet" or not halted:
        return planned
    [sheet, *_] = halted
    reason = f"its sheet {sheet.key}: {sheet.reason}"
    return replace(planned, standing=sheet.standing, price_usd=Decimal(0), reason=reason)
