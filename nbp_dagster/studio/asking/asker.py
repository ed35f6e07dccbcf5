"""Quotes and records another picture that a person asks for; a later run makes it.

Must not know: Dagster, pages, who asks.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from nbp_dagster.briefs.brand_terms import find_term
from nbp_dagster.errors import NbpError
from nbp_dagster.prompts.expansion import Prompt
from nbp_dagster.studio.ledger.budget import select_affordable
from nbp_dagster.studio.ledger.orders import Order, Reused
from nbp_dagster.studio.studio import Studio

LONGEST_NOTE: Final = 300
"""Characters of a note: a clause of the prompt, not another prompt."""


class CannotAsk(NbpError):
    """Another picture that can't be asked for; nothing was recorded."""


@dataclass(frozen=True)
class AskingQuote:
    """What another picture costs.

    Attributes:
        note: The clause as it is added to the prompt.
        price_usd: USD of one picture, as the service says now.
        over: Which cap it would break, in one line; it can't be made until that is raised.
        is_simulated: Whether nothing is paid.
    """

    prompt_key: str
    note: str
    price_usd: Decimal
    over: tuple[str, ...]
    is_simulated: bool


@dataclass(frozen=True)
class Asker:
    """Opens a studio for each question, so that edited briefs and prices are those of now.

    Attributes:
        open_studio: Opens it, over the service of the mode.
    """

    open_studio: Callable[[], AbstractContextManager[Studio]]

    def quote(self, prompt_key: str, note: str) -> AskingQuote:
        """Return what another picture of a prompt costs, with a note added to its request.

        Raises:
            CannotAsk: The note is empty, long or has a prohibited term; the prompt has no picture.
            NbpError: The studio can't be opened, or the service can't be asked for the price.
        """
        with self.open_studio() as studio:
            return self._quote(studio, prompt_key, note)[0]

    def ask(self, prompt_key: str, note: str, *, price_usd: Decimal) -> AskingQuote:
        """Record that another picture is asked for, at the price that was shown.

        Args:
            prompt_key: The prompt.
            note: Added to its request.
            price_usd: The price that was agreed to, USD.

        Raises:
            CannotAsk: As `quote`; the price has changed; or a cap forbids it.
            AlreadyAsked: Another picture is asked for already.
        """
        with self.open_studio() as studio:
            quote, order, made = self._quote(studio, prompt_key, note)
            if quote.price_usd != price_usd:
                raise CannotAsk(
                    f"{prompt_key}: it costs {quote.price_usd} USD now, not {price_usd}; look again"
                )
            for line in quote.over:
                raise CannotAsk(f"{prompt_key}: {line}")
            studio.regenerations.ask(order, made, quote.note)
            return quote

    def _quote(
        self, studio: Studio, prompt_key: str, note: str
    ) -> tuple[AskingQuote, Order, Reused]:
        prompt = find_prompt(studio, prompt_key)
        clause = _check_note(studio, prompt, note)
        compiled = studio.compile([prompt])
        order = compiled.orders.get(prompt_key)
        if order is None:
            reasons = "; ".join(failure.reason for failure in compiled.failures)
            raise CannotAsk(f"{prompt_key}: {reasons or 'it has no request now'}")
        (made,) = studio.find_made([order])
        if not isinstance(made, Reused):
            raise CannotAsk(
                f"{prompt_key}: there is no picture of its present brief; make it first"
            )
        _, over = select_affordable(
            studio.caps({prompt.campaign}),
            [order],
            lambda cap: studio.ledger.spent(cap, provider=studio.provider),
        )
        is_simulated = studio.provider == "simulator"
        quote = AskingQuote(prompt_key, clause, order.price, tuple(over.values()), is_simulated)
        return quote, order, made


def find_prompt(studio: Studio, prompt_key: str) -> Prompt:
    """Return a prompt of the present briefs.

    Raises:
        CannotAsk: They have none of that key.
    """
    for prompt in studio.prompts:
        if prompt.key == prompt_key:
            return prompt
    raise CannotAsk(f"{prompt_key[:200]}: the briefs have no such prompt now")


def _check_note(studio: Studio, prompt: Prompt, note: str) -> str:
    """Return a note as one line that ends a sentence."""
    plain = " ".join("".join(c if c.isprintable() else " " for c in note).split())
    if not plain:
        raise CannotAsk("say what the other picture shall show")
    if len(plain) > LONGEST_NOTE:
        raise CannotAsk(f"the note has {len(plain)} characters; accepted: at most {LONGEST_NOTE}")
    brand = studio.briefs.brands[studio.briefs.campaigns[prompt.campaign].brand]
    for locale, terms in brand.prohibited_terms.items():
        term = find_term(plain, terms, locale)
        if term is not None:
            raise CannotAsk(f"the brand prohibits {term!r} ({locale}); leave it out of the note")
    return plain if plain[-1] in ".!?" else f"{plain}."
