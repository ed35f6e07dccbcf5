"""Requests in the form they were paid in: another form of one request is not bought again."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from nbp_dagster.briefs.brief import Briefs
from nbp_dagster.briefs.channels import Channel
from nbp_dagster.prompts.request import MOST_SOFTENINGS, ImageRequest, soften_request
from nbp_dagster.studio.ledger.ledger import Ledger
from nbp_dagster.studio.ledger.purchases import Purchase

Former = Callable[[], Sequence[ImageRequest]]
"""Compiles the former forms of one request, the newest first; called only where they matter."""


def choose_requests(
    ledger: Ledger,
    current: Mapping[str, ImageRequest],
    former: Mapping[str, Former],
    *,
    fresh: bool,
) -> dict[str, ImageRequest]:
    """Return what each prompt is made by: its request, or a former form of it that is paid.

    A request that is made, or at the service, is kept. Of the former ones the newest counts that is
    made or at the service, else the newest that is refused: it would be refused again.

    Args:
        ledger: The purchases.
        current: The requests of today, by prompt key.
        former: Those of them that once had another form, by prompt key.
        fresh: Pictures are bought again on purpose; only what is at the service is kept.
    """
    known = _find_deciding(ledger, [current[key] for key in former])
    forms = {
        key: compile_former()
        for key, compile_former in former.items()
        if not _is_in_use(known.get(current[key].fingerprint), fresh=fresh)
    }
    known = _find_deciding(ledger, [item for items in forms.values() for item in items])
    chosen = dict(current)
    for key, items in forms.items():
        rows = [(item, known.get(item.fingerprint)) for item in items]
        in_use = [item for item, row in rows if _is_in_use(row, fresh=fresh)]
        refused = [item for item, row in rows if row is not None and row.state == "refused"]
        if in_use or (refused and not fresh):
            chosen[key] = (in_use or refused)[0]
    return chosen


def _is_in_use(row: Purchase | None, *, fresh: bool) -> bool:
    return row is not None and (row.is_open or (row.state == "made" and not fresh))


def _find_deciding(ledger: Ledger, requests: Sequence[ImageRequest]) -> dict[str, Purchase]:
    """Return the purchase that decides each request: of a refused one, that of a milder wording."""
    found = ledger.latest(item.fingerprint for item in requests)
    milder = {
        item.fingerprint: soften_request(item, MOST_SOFTENINGS)
        for item in requests
        if item.fingerprint in found and found[item.fingerprint].state == "refused"
    }
    known = ledger.latest(each.fingerprint for items in milder.values() for each in items)
    for fingerprint, wordings in milder.items():
        for wording in wordings:
            row = known.get(wording.fingerprint)
            if row is None:
                break
            found[fingerprint] = row
            if row.state != "refused":
                break
    return found


def former_briefs(briefs: Briefs, channels: Iterable[str]) -> tuple[Briefs, ...]:
    """Return the briefs with the safe areas that some channels had before, the newest first.

    Args:
        briefs: The briefs.
        channels: Ids of the channels of one prompt.
    """
    names = [name for name in channels if briefs.channels[name].former_safe_areas]
    ages = max((len(briefs.channels[name].former_safe_areas) for name in names), default=0)
    return tuple(
        replace(
            briefs,
            channels={
                **briefs.channels,
                **{name: _as_before(briefs.channels[name], age) for name in names},
            },
        )
        for age in range(ages)
    )


def _as_before(channel: Channel, age: int) -> Channel:
    areas = channel.former_safe_areas
    return channel.model_copy(update={"safe_area": areas[min(age, len(areas) - 1)]})
