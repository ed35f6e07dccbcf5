"""Requests in the form they were paid in: a corrected form of one request is not bought again."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from nbp_dagster.briefs.brief import Briefs
from nbp_dagster.briefs.channels import Channel
from nbp_dagster.prompts.request import ImageRequest
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
    made, at the service or refused: the latter would be refused again.

    Args:
        ledger: The purchases.
        current: The requests of today, by prompt key.
        former: Those of them that once had another form, by prompt key.
        fresh: Pictures are bought again on purpose; only what is at the service is kept.
    """
    known = ledger.latest(current[key].fingerprint for key in former)
    forms = {
        key: compile_former()
        for key, compile_former in former.items()
        if not _counts(known.get(current[key].fingerprint), fresh=fresh, is_former=False)
    }
    known = ledger.latest(item.fingerprint for items in forms.values() for item in items)
    chosen = dict(current)
    for key, items in forms.items():
        for item in items:
            if _counts(known.get(item.fingerprint), fresh=fresh, is_former=True):
                chosen[key] = item
                break
    return chosen


def _counts(row: Purchase | None, *, fresh: bool, is_former: bool) -> bool:
    if row is None:
        return False
    if row.is_open:
        return True
    return not fresh and (row.state == "made" or (is_former and row.state == "refused"))


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
