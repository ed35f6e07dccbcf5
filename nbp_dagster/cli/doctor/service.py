"""Looks at the service: key, reach, clock, models and prices of the campaigns; buys nothing."""

import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from email.utils import parsedate_to_datetime

from nbp_dagster.cli.doctor.finding import Finding
from nbp_dagster.cli.doctor.state import compare_clocks
from nbp_dagster.cli.openings import open_catalogue
from nbp_dagster.clock import SystemClock
from nbp_dagster.errors import NbpError
from nbp_dagster.oxen.client import OxenClient
from nbp_dagster.oxen.errors import NotFound, Unauthorized
from nbp_dagster.oxen.transport import HttpRequest, RequestsTransport
from nbp_dagster.settings import Settings


def look_at_service(settings: Settings, models: Iterable[str]) -> Iterator[Finding]:
    """Yield what there is of the service of the mode, and of some models there."""
    if settings.mode == "live":
        key = settings.oxen_api_key
        if key is None or not key.get_secret_value().strip():
            yield Finding("key", "fault", "OXEN_API_KEY is not set", "set it, or leave live mode")
            return
        found = list(_look_at_clock(settings.oxen_base_url))
        yield from found
        if any(each.part == "service" and each.verdict == "fault" for each in found):
            # Every further question would wait for the same answer.
            return
    else:
        yield Finding("service", "not_used", "simulator mode: nothing is paid, no key is needed")
    try:
        with open_catalogue(settings, SystemClock()) as client:
            if settings.mode == "live":
                yield _look_at_key(client)
            yield from (_look_at_model(client, model) for model in models)
    except NbpError as error:
        yield Finding("service", "fault", str(error), "check address, key and network")


def _look_at_clock(address: str) -> Iterator[Finding]:
    """Ask for the address itself, without the key, and compare its date with ours."""
    began = time.monotonic()
    request = HttpRequest(method="GET", url=address, total_timeout=10.0, read_timeout=10.0)
    try:
        with RequestsTransport().stream(request) as answer:
            seconds, date = time.monotonic() - began, answer.header("date")
    except NbpError as error:
        yield Finding("service", "fault", str(error), "check OXEN_BASE_URL, proxy and network")
        return
    yield Finding("service", "sound", f"{address} answers in {1000 * seconds:.0f} ms")
    if date is not None:
        with suppress(ValueError):
            yield compare_clocks(
                "clock of the service", parsedate_to_datetime(date).timestamp(), time.time()
            )


def _look_at_key(client: OxenClient) -> Finding:
    """Ask for what only the key's account may see."""
    try:
        jobs = client.list_generations()
    except Unauthorized as error:
        return Finding("key", "fault", str(error), "set OXEN_API_KEY to a key of the account")
    return Finding("key", "sound", f"accepted; {len(jobs)} jobs at work")


def _look_at_model(client: OxenClient, model: str) -> Finding:
    part = f"model {model}"
    try:
        found = client.get_model(model)
    except NotFound as error:
        if not error.is_of_service:
            return Finding(part, "fault", str(error), "look for a proxy on the way to the service")
        advice = "name another in the campaigns (docs/models.md)"
        return Finding(part, "fault", "the catalogue does not have it", advice)
    price = found.price({})
    if price is None:
        advice = "give price_usd in the campaigns that use it"
        return Finding(part, "warning", "in the catalogue, without a price", advice)
    return Finding(part, "sound", f"in the catalogue, {price} USD an image")
