"""Takes a picture's earlier version back over the one that was asked for; buys nothing.

Must not know: Dagster, pages, decisions.
"""

from itertools import takewhile

from nbp_dagster.studio.asking.asker import CannotAsk, find_picture, find_prompt
from nbp_dagster.studio.provenance.picture_index import KnownPicture
from nbp_dagster.studio.studio import Studio


def keep_earlier(studio: Studio, earlier: KnownPicture, *, who: str) -> None:
    """Record that a prompt's earlier picture is its present one again.

    Both are paid and kept: the next run of the prompt makes its files of that picture, as they
    were, free. The one that was asked for can be taken back in the same way.

    Args:
        studio: The studio.
        earlier: A file of the picture, or its original.
        who: Who wants it.

    Raises:
        CannotAsk: It is of an earlier brief, or was bought anew since; or checks had it replaced.
        AlreadyAsked: Another picture is asked for and not made yet.
    """
    key = earlier.prompt_key
    order, made = find_picture(studio, find_prompt(studio, key))
    purchase = studio.ledger.latest([earlier.fingerprint]).get(earlier.fingerprint)
    if purchase is None or purchase.generation_id != earlier.generation_id:
        raise CannotAsk(f"{key}: that version was bought anew since; nothing was changed")
    attempts = studio.regenerations.attempts_of(order, made)
    if not attempts.has(earlier.fingerprint):
        raise CannotAsk(
            f"{key}: that version is of an earlier brief or sheet; take the brief back to have it"
        )
    # What a person asked for in between is theirs to undo, with the corrections of it.
    later = attempts.kept_after(earlier.fingerprint)
    replaced = list(takewhile(lambda row: not row.is_asked, later))
    if replaced:
        checks = ", ".join(replaced[0].checks)
        raise CannotAsk(
            f"{key}: that version was replaced as it failed {checks}, and would be again; approve "
            "or reject the present one, or ask for another"
        )
    studio.regenerations.keep(attempts, earlier.fingerprint, reason=f"taken back by {who}")
