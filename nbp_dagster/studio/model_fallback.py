"""Orders that failed because their model has no capacity or is gone, asked of the chain's next one.

The campaign's brief has to say so. Must not know Dagster.
"""

import logging
from collections.abc import Callable, Mapping

from nbp_dagster.oxen.error_text import is_unknown_model
from nbp_dagster.oxen.words.limits import is_at_capacity
from nbp_dagster.prompts.expansion import Prompt
from nbp_dagster.studio.ledger.orders import Failed, Order, Outcome
from nbp_dagster.studio.studio import Studio


class ModelFallback:
    """Holds back the failures of one step that the next model of a chain may mend.

    Args:
        studio: Compiles them again.
        prompts: The step's prompts, by key.
        log: Told which prompts another model than the first of its chain draws.

    Example:
        >>> fallback = ModelFallback(studio, prompts, log)
        >>> if not fallback.hold(outcome):
        ...     close(outcome)
        >>> orders = fallback.next_orders(close)
    """

    def __init__(self, studio: Studio, prompts: Mapping[str, Prompt], log: logging.Logger) -> None:
        self._studio = studio
        self._prompts = prompts
        self._log = log
        self._held: dict[str, Failed] = {}
        self._rounds: dict[str, int] = {}

    def tell_falls(self) -> None:
        """Log what the last compilation asks of another model than the first of its chain."""
        for fall in self._studio.compiler.falls:
            self._log.warning("%s", fall.in_words())

    def hold(self, outcome: Outcome) -> bool:
        """Keep a failure that another model may mend, and return whether it is one.

        A prompt is held at most as often as its chain has further models.
        """
        if not isinstance(outcome, Failed) or not outcome.fingerprint:
            return False
        campaign = self._studio.briefs.campaigns[self._prompts[outcome.key].campaign]
        if campaign.fall_back == "never":
            return False
        if not (is_at_capacity(outcome.reason) or is_unknown_model(outcome.reason)):
            return False
        if self._rounds.get(outcome.key, 0) >= len(campaign.chain) - 1:
            return False
        self._rounds[outcome.key] = self._rounds.get(outcome.key, 0) + 1
        self._held[outcome.key] = outcome
        return True

    def next_orders(self, close: Callable[[Outcome], None]) -> dict[str, Order]:
        """Return the orders of what was held whose model is another one now, by prompt key.

        Args:
            close: Takes the outcome of those that stay with their model.

        Raises:
            OxenError: The service is out of reach.
        """
        if not self._held:
            return {}
        held, self._held = self._held, {}
        # One that has left the catalogue has done so since the run began.
        self._studio.compiler.models.forget()
        compiled = self._studio.compile(self._prompts[key] for key in held)
        self.tell_falls()
        orders = {
            key: order
            for key, order in compiled.orders.items()
            if order.request.fingerprint != held[key].fingerprint
        }
        for key, failed in held.items():
            if key not in orders:
                close(failed)
        return orders
