"""Asks at the terminal, each question with its default, and says why an answer can't be used."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    # For annotations: `nbp --help` needs no briefs.
    from nbp_dagster.briefs.brief import Briefs


class Terminal:
    """Asks at the terminal, each question with its default; asks nothing where it is silent."""

    def __init__(self, *, is_silent: bool) -> None:
        self._is_silent = is_silent

    def ask(
        self,
        question: str,
        given: str | None,
        default: str,
        find_fault: Callable[[str], str | None] = lambda text: None,
    ) -> str:
        """Return what is given, or else the answer; a faulty answer is asked for again."""
        if given is not None or self._is_silent:
            answer = default if given is None else given
            if fault := find_fault(answer):
                raise click.UsageError(f"{question.lower()}: {answer!r} - {fault}")
            return answer

        def read(text: str) -> str:
            if fault := find_fault(text):
                raise click.BadParameter(fault)
            return text

        try:
            answer = click.prompt(question, default=default, value_proc=read, err=True)
        except click.Abort:
            raise click.ClickException(
                "no answer, so nothing was written; --yes takes every default"
            ) from None
        return str(answer)

    def ask_list(
        self,
        question: str,
        given: str | None,
        default: Sequence[str],
        find_fault: Callable[[str], str | None],
    ) -> tuple[str, ...]:
        """Return names that are divided by commas."""

        def find_any(text: str) -> str | None:
            faults = (find_fault(name) for name in split_names(text))
            return next(
                filter(None, faults), None if split_names(text) else "accepted: at least one"
            )

        return split_names(self.ask(question, given, ",".join(default), find_any))


def split_names(text: str) -> tuple[str, ...]:
    """Return the names of a text that commas divide, each once."""
    return tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))


def find_fault_of(kind: Any) -> Callable[[str], str | None]:
    """Return what says why a text is none of a kind that briefs have."""
    from pydantic import TypeAdapter, ValidationError

    def find(text: str) -> str | None:
        try:
            TypeAdapter(kind).validate_python(text)
        except ValidationError as error:
            detail = error.errors(include_url=False)[0]
            return str(detail.get("ctx", {}).get("reason", detail["msg"]))
        return None

    return find


def find_locale_fault_of(text: str) -> str | None:
    """Return why a text is no locale, in either spelling, or None."""
    from nbp_dagster.briefs.languages import find_locale_fault
    from nbp_dagster.briefs.locale_spelling import spell_locale

    return find_locale_fault(spell_locale(text))


def find_channel_fault(text: str, briefs: "Briefs") -> str | None:
    """Return why a text is no channel of the folder, with those that may be meant, or None."""
    from nbp_dagster.briefs.channels import find_meant_channels
    from nbp_dagster.yaml_source.problems import list_accepted

    if text in briefs.channels:
        return None
    names = {channel.id: channel.name for channel in briefs.channels.values()}
    meant = find_meant_channels(text, names)
    accepted = list_accepted(briefs.channels)
    return f"{accepted}; did you mean {' or '.join(meant)}?" if meant else accepted
