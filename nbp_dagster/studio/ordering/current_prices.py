"""Reads a model's price again while a run buys, so that what is reserved is what is billed.

Must not know: caps, or what happens where a dearer picture does not fit under one.
"""

import logging
import threading
from dataclasses import dataclass, replace

from nbp_dagster.oxen.catalogue import Model
from nbp_dagster.oxen.client import OxenClient
from nbp_dagster.oxen.errors import OxenError
from nbp_dagster.studio.ledger.orders import Order

logger = logging.getLogger(__name__)

ORDERS_A_READING = 10
"""Orders that one reading of a price holds for. A price that rises unseen costs the rise this many
times at most, for each process; one more request in ten is what that takes."""


@dataclass(frozen=True)
class _Reading:
    model: Model | None
    used: int


class CurrentPrices:
    """Prices of orders as the service states them now; safe from several threads.

    Args:
        client: Asked for the model object, before every tenth order.

    Example:
        >>> CurrentPrices(client).requote(order).price
        Decimal('0.15')
    """

    def __init__(self, client: OxenClient) -> None:
        self._client = client
        self._readings: dict[str, _Reading] = {}
        self._lock = threading.Lock()

    def requote(self, order: Order) -> Order:
        """Return an order, and its companions, at today's price.

        Where the service states none, or does not answer, the price stays as it was.
        """
        model = self._read(order.request.model, orders=1 + len(order.companions))
        if model is None:
            return order
        companions = tuple(_at_price(model, item) for item in order.companions)
        return replace(_at_price(model, order), companions=companions)

    def _read(self, model_id: str, *, orders: int) -> Model | None:
        # The others wait for who reads: they would buy at a price that is out of date.
        with self._lock:
            last = self._readings.get(model_id)
            if last is None or last.used + orders > ORDERS_A_READING:
                last = _Reading(self._fetch(model_id, last), used=0)
            self._readings[model_id] = replace(last, used=last.used + orders)
            return last.model

    def _fetch(self, model_id: str, last: _Reading | None) -> Model | None:
        try:
            return self._client.get_model(model_id)
        except OxenError as error:
            logger.info("the price of %s was not read again: %s", model_id, error)
            return None if last is None else last.model


def _at_price(model: Model, order: Order) -> Order:
    price = model.price(order.request.parameters)
    if price is None or price == order.price:
        return order
    logger.warning("%s: %s costs %s USD now, not %s", order.key, model.id, price, order.price)
    return replace(order, price=price)
