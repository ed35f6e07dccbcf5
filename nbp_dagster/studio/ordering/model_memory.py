"""Remembers each model as the last run saw it, and says what has changed since.

Must not know: campaigns, or what is bought.
"""

import json
import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from nbp_dagster.clock import utc_date
from nbp_dagster.oxen.catalogue import Model, parse_model
from nbp_dagster.oxen.json_bodies import ShapeError
from nbp_dagster.studio.ordering.order_builder import capabilities_of
from nbp_dagster.studio.storage.documents import Documents
from nbp_dagster.studio.storage.files import StoreError

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class SeenModel:
    """A model as a run saw it.

    Attributes:
        model: The service's model object of that time.
        seen_at: Seconds since the epoch.
    """

    model: Model
    seen_at: float

    @property
    def day(self) -> str:
        """The day it was seen on, such as "2026-11-28", in UTC."""
        return utc_date(self.seen_at).isoformat()


@dataclass(frozen=True)
class ModelNews:
    """What is new of a model since the last run, in one line for people.

    Attributes:
        model: Its id.
        is_gone: Whether the catalogue has it no more.
        sentence: The line.
    """

    model: str
    is_gone: bool
    sentence: str

    def to_json(self) -> dict[str, str | bool]:
        """Return plain values."""
        return {"model": self.model, "is_gone": self.is_gone, "sentence": self.sentence}


class ModelMemory:
    """Each model as a document, by its quoted id.

    Args:
        documents: Of one provider: the simulator's prices are not the service's.

    Example:
        >>> memory.remember(client.get_model("nano-banana-2-1"), now=clock.now())
        >>> memory.recall("nano-banana-2-1").model.price({"resolution": "2K"})
    """

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    def recall(self, model_id: str) -> SeenModel | None:
        """Return a model as it was remembered last; None where it never was, or not legibly."""
        name = _name_of(model_id)
        try:
            data = self._documents.read(name)
            if data is None:
                return None
            found = json.loads(data)
            return SeenModel(parse_model(found["model"]), float(found["seen_at"]))
        except (StoreError, ValueError, LookupError, TypeError, ShapeError) as error:
            # Without it a change goes unnoticed once; nothing is bought because of it.
            path = self._documents.path(name)
            logger.warning("%s can't be read, and is written anew by the next run: %s", path, error)
            return None

    def remember(self, model: Model, *, now: float) -> None:
        """Write down what a model is now."""
        content = {"seen_at": now, "model": dict(model.raw)}
        try:
            self._documents.write(_name_of(model.id), json.dumps(content, indent=1).encode())
        except StoreError as error:
            logger.warning("%s", error)


def _name_of(model_id: str) -> str:
    return quote(model_id, safe="")


def describe_changes(before: Model, now: Model) -> Iterator[str]:
    """Yield what differs between two states of a model, a few words each."""
    yield from _describe_prices(before, now)
    was, known = capabilities_of(before), capabilities_of(now)
    yield from _describe_lists("aspect ratio", was.aspect_ratios, known.aspect_ratios)
    yield from _describe_lists("resolution", was.resolutions, known.resolutions)
    yield from _describe_lists("parameter", was.parameters, known.parameters)
    for name in was.parameters:
        if name in known.parameters and was.parameters[name] != known.parameters[name]:
            yield f"takes other values for {name}"


def _describe_prices(before: Model, now: Model) -> Iterator[str]:
    resolutions = [str(item) for item in now.enum("resolution") or ()]
    changes: Mapping[str, tuple[object, object]] = {
        name: (before.price({"resolution": name}), now.price({"resolution": name}))
        for name in resolutions or ["any resolution"]
    }
    changed = {name: pair for name, pair in changes.items() if pair[0] != pair[1]}
    if changed and len(changed) == len(changes) and len(set(changed.values())) == 1:
        was, costs = next(iter(changed.values()))
        yield f"costs {_show(costs)} an image, {_show(was)} before"
        return
    for name, (was, costs) in changed.items():
        yield f"costs {_show(costs)} an image at {name}, {_show(was)} before"


def _show(price: object) -> str:
    return "an unstated price" if price is None else f"{price} USD"


def _describe_lists(what: str, before: Iterable[str], now: Iterable[str]) -> Iterator[str]:
    was, listed = list(before), list(now)
    lost = [item for item in was if item not in listed]
    added = [item for item in listed if item not in was]
    if lost:
        yield f"no longer lists the {what}{'s' * (len(lost) > 1)} {', '.join(lost)}"
    if added:
        yield f"lists the new {what}{'s' * (len(added) > 1)} {', '.join(added)}"
