"""The pictures that edits start from, as far as there are any."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from nbp_dagster.briefs.brief import Briefs
from nbp_dagster.prompts.edits import find_base
from nbp_dagster.prompts.expansion import Prompt, expand_campaign
from nbp_dagster.prompts.request_changes import PENDING_DIGEST
from nbp_dagster.studio.ledger.orders import Failed, Order


@dataclass(frozen=True)
class EditBase:
    """The picture of a prompt that others edit.

    Attributes:
        digest: SHA-256 of its bytes as the model sent them, hex; empty while it can't be edited.
        waits_for: Why it can't, in words; empty where it can.
        is_for_review: Whether a person's approval alone is waited for.
    """

    digest: str = ""
    waits_for: str = ""
    is_for_review: bool = False


FindBases = Callable[[Iterable[Order]], Mapping[str, EditBase]]
"""Returns the bases of some prompts' orders, by prompt key."""


def find_no_bases(orders: Iterable[Order]) -> Mapping[str, EditBase]:
    """Return that no prompt has a picture: where nothing is looked up."""
    return {order.key: EditBase(waits_for=f"{order.key} has no picture yet") for order in orders}


class EditBases:
    """Which prompts are edits of which, and the pictures they start from as last looked up.

    Args:
        briefs: The briefs.
        find: Looks up the pictures.
    """

    def __init__(self, briefs: Briefs, find: FindBases) -> None:
        self._briefs = briefs
        self._find = find
        self._found: dict[str, EditBase] = {}

    def key_of(self, prompt: Prompt) -> str | None:
        """Return the key of the prompt whose picture a prompt edits; None where it edits none."""
        return find_base(prompt, self._briefs.campaigns[prompt.campaign])

    def keys_of(self, prompts: Iterable[Prompt]) -> list[str]:
        """Return the keys of the prompts whose pictures some prompts edit."""
        return [key for prompt in prompts if (key := self.key_of(prompt))]

    def needs_approval(self, prompt: Prompt) -> bool:
        """Whether a prompt is an edit of a picture that a person has to approve before."""
        requires = self._briefs.campaigns[prompt.campaign].require_approval
        return requires and self.key_of(prompt) is not None

    def prompts_of(self, prompts: Iterable[Prompt]) -> tuple[Prompt, ...]:
        """Return the prompts whose pictures some prompts edit."""
        keys = {key: prompt.campaign for prompt in prompts if (key := self.key_of(prompt))}
        expanded = {
            item.key: item
            for campaign in dict.fromkeys(keys.values())
            for item in expand_campaign(self._briefs.campaigns[campaign], self._briefs.channels)
        }
        return tuple(expanded[key] for key in keys)

    def take(self, orders: Iterable[Order], failures: Iterable[Failed]) -> None:
        """Look up the pictures of prompts, as they compile now."""
        self._found.update(self._find(orders))
        self._found.update(
            (failure.key, EditBase(waits_for=failure.reason)) for failure in failures
        )

    def sketch(self, keys: Iterable[str]) -> None:
        """Take some pictures for made, to look at what is made of them."""
        self._found.update((key, EditBase(PENDING_DIGEST)) for key in keys)

    def find_wait(self, prompt: Prompt) -> EditBase | None:
        """Return what an edit waits for; None where it need not wait, and for what is no edit."""
        base = self._found.get(self.key_of(prompt) or "")
        return base if base is not None and not base.digest else None

    def digests_for(self, prompt: Prompt) -> dict[str, str]:
        """Return SHA-256 of the picture that a prompt edits, by that one's key; empty for none."""
        key = self.key_of(prompt)
        base = self._found.get(key or "")
        return {key: base.digest} if key and base and base.digest else {}
