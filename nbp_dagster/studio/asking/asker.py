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
from nbp_dagster.prompts.correction_text import edit_references
from nbp_dagster.prompts.edits import Region
from nbp_dagster.prompts.expansion import Prompt
from nbp_dagster.prompts.render_context import render_context_of
from nbp_dagster.prompts.templates import render_instruction_edit
from nbp_dagster.studio.ledger.budget import select_affordable
from nbp_dagster.studio.ledger.orders import Order, Reused
from nbp_dagster.studio.regeneration_rules import EditInPlace
from nbp_dagster.studio.studio import Studio

LONGEST_NOTE: Final = 300
"""Characters of a note: a clause of the prompt, not another prompt."""

LONGEST_INSTRUCTION: Final = 1_200
"""Characters of all changes of one picture together; then it is better drawn anew."""

SMALLEST_REGION: Final = 0.02
"""Share of a side: less can't be hit, by a finger or by the model."""


class CannotAsk(NbpError):
    """Another picture that can't be asked for; nothing was recorded."""


@dataclass(frozen=True)
class Change:
    """What a person wants to be different.

    Attributes:
        note: In words.
        is_edit: Whether the picture itself is changed; else another is drawn, by its request with
            the note added.
        region: The part that alone may change; None for all of it. For an edit alone.
    """

    note: str
    is_edit: bool = False
    region: Region | None = None


@dataclass(frozen=True)
class _Quoted:
    """A quote, and what it takes to record that the picture is asked for."""

    quote: "AskingQuote"
    order: Order
    made: Reused
    edit: EditInPlace | None


@dataclass(frozen=True)
class AskingQuote:
    """What another picture costs.

    Attributes:
        note: The clause as it is added to the prompt.
        price_usd: USD of one picture, as the service says now.
        over: Which cap it would break, in one line; it can't be made until that is raised.
        is_simulated: Whether nothing is paid.
        follows: How many edits of the picture are due again once it is another, at its price each.
    """

    prompt_key: str
    note: str
    price_usd: Decimal
    over: tuple[str, ...]
    is_simulated: bool
    follows: int = 0


@dataclass(frozen=True)
class Asker:
    """Opens a studio for each question, so that edited briefs and prices are those of now.

    Attributes:
        open_studio: Opens it, over the service of the mode.
    """

    open_studio: Callable[[], AbstractContextManager[Studio]]

    def quote(self, prompt_key: str, change: Change) -> AskingQuote:
        """Return what another picture of a prompt costs.

        Raises:
            CannotAsk: The note is empty, long or has a prohibited term; the prompt has no picture,
                or one that is an edit already; or the region is none of a picture.
            NbpError: The studio can't be opened, or the service can't be asked for the price.
        """
        with self.open_studio() as studio:
            return self._quote(studio, prompt_key, change).quote

    def ask(self, prompt_key: str, change: Change, *, price_usd: Decimal) -> AskingQuote:
        """Record that another picture is asked for, at the price that was shown.

        Args:
            prompt_key: The prompt.
            change: What is to be different.
            price_usd: The price that was agreed to, USD.

        Raises:
            CannotAsk: As `quote`; the price has changed; or a cap forbids it.
            AlreadyAsked: Another picture is asked for already.
        """
        with self.open_studio() as studio:
            found = self._quote(studio, prompt_key, change)
            quote = found.quote
            if quote.price_usd != price_usd:
                raise CannotAsk(
                    f"{prompt_key}: it costs {quote.price_usd} USD now, not {price_usd}; look again"
                )
            for line in quote.over:
                raise CannotAsk(f"{prompt_key}: {line}")
            if found.edit is None:
                studio.regenerations.ask(found.order, found.made, quote.note)
            else:
                studio.regenerations.ask_edit(found.order, found.made, found.edit)
            return quote

    def _quote(self, studio: Studio, prompt_key: str, change: Change) -> _Quoted:
        prompt = find_prompt(studio, prompt_key)
        clause = _check_note(studio, prompt, change.note)
        order, made = find_picture(studio, prompt)
        edit = None
        if change.is_edit:
            region = _check_region(change.region)
            edit = _compile_edit(studio, prompt, order, made, clause, region)
        _, over = select_affordable(
            studio.caps({prompt.campaign}),
            [order],
            lambda cap: studio.ledger.spent(cap, provider=studio.provider),
        )
        is_simulated = studio.provider == "simulator"
        edited = map(studio.compiler.edit_bases.key_of, studio.prompts_of(prompt.campaign))
        quote = AskingQuote(
            prompt_key,
            clause,
            order.price,
            tuple(over.values()),
            is_simulated,
            follows=sum(key == prompt_key for key in edited),
        )
        return _Quoted(quote, order, made, edit)


def _compile_edit(
    studio: Studio, prompt: Prompt, order: Order, made: Reused, clause: str, region: Region | None
) -> EditInPlace:
    """Return the edit of the picture as it was drawn, with every change since.

    Raises:
        CannotAsk: The prompt is an edit itself, or there are too many changes.
    """
    if order.request.edit is not None:
        raise CannotAsk(
            f"{prompt.key} is an edit already, and an edit of an edit loses quality; ask again in "
            "words: it is made anew from what it starts from"
        )
    attempts = studio.regenerations.attempts_of(order, made)
    base, instruction, first = made.image.sha256, clause, attempts.first.request
    last = attempts.accepted
    if last is not None and last.base:
        base, instruction = last.base, f"{last.instruction} {clause}"
        region = _join(last.region, region)
    if len(instruction) > LONGEST_INSTRUCTION:
        raise CannotAsk(
            f"{prompt.key}: its changes have {len(instruction)} characters by now; accepted: at "
            f"most {LONGEST_INSTRUCTION}; ask again instead, so that it is drawn anew"
        )
    context = render_context_of(studio.briefs, prompt)
    text = render_instruction_edit(
        context.brand,
        context.shot,
        instruction=instruction,
        locale=prompt.locale,
        ratio=str(first.parameters["aspect_ratio"]),
        margins=None,
        references=edit_references(first, base=base, region=region),
        region=region,
    )
    return EditInPlace(text, base, instruction, region)


def _join(one: Region | None, other: Region | None) -> Region | None:
    """Return the part that holds both; all of the picture where one of them is."""
    if one is None or other is None:
        return None
    left, top, right, bottom = zip(one, other, strict=True)
    return min(left), min(top), max(right), max(bottom)


def _check_region(region: Region | None) -> Region | None:
    if region is None:
        return None
    left, top, right, bottom = region
    if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
        raise CannotAsk("the marked area is none of the picture; mark it again")
    if min(right - left, bottom - top) < SMALLEST_REGION:
        raise CannotAsk(
            f"the marked area is less than {SMALLEST_REGION:.0%} of a side; mark a larger one"
        )
    return left, top, right, bottom


def find_picture(studio: Studio, prompt: Prompt) -> tuple[Order, Reused]:
    """Return a prompt's order, as its brief says, and its present picture.

    Raises:
        CannotAsk: It has no request now, or no picture of it.
    """
    compiled = studio.compile([prompt])
    order = compiled.orders.get(prompt.key)
    if order is None:
        reasons = "; ".join(failure.reason for failure in compiled.failures)
        raise CannotAsk(f"{prompt.key}: {reasons or 'it has no request now'}")
    (made,) = studio.find_made([order])
    if not isinstance(made, Reused):
        raise CannotAsk(f"{prompt.key}: there is no picture of its present brief; make it first")
    return order, made


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
