"""Which prompts a command is about: those its words name, or all."""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

import click

from nbp_dagster.briefs.brief import Briefs
from nbp_dagster.disclosure.own_table import load_briefs
from nbp_dagster.prompts.expansion import Prompt, expand
from nbp_dagster.yaml_source.problems import BriefError, list_accepted

_WILDCARDS = frozenset("*?[")

Chosen = Mapping[str, Sequence[Prompt]]
"""The chosen prompts of each campaign that has any, both in brief order."""


def load_chosen(config: Path, words: Sequence[str]) -> Briefs:
    """Read the briefs that a command's words need, and warn of files that are left out.

    A broken brief of another campaign does not stop the one that is named. Patterns, and no words
    at all, may mean any campaign, so every brief must be sound then.

    Raises:
        BriefError: A brief that is needed has errors; all of them are named.
    """
    named = {word.partition("/")[0] for word in words}
    is_plain = not any(_WILDCARDS & set(name) for name in named)
    briefs = load_briefs(config, wanted=named if is_plain else ())
    _warn_of_left_out(briefs)
    warn_of_no_briefs(briefs)
    return briefs


def load_of_brand(config: Path, brand: str = "") -> Briefs:
    """Read the briefs for a command about a brand, or all, and warn of files that are left out.

    Raises:
        BriefError: The brand's brief has errors, or none is sound; all of them are named.
    """
    briefs = load_briefs(config, leaves_out=True)
    if faults := briefs.find_faults("brand", brand):
        raise BriefError(briefs.root, faults)
    _warn_of_left_out(briefs)
    return briefs


def _warn_of_left_out(briefs: Briefs) -> None:
    for problem in briefs.set_aside:
        click.echo(f"nbp: warning: not needed here, and left out: {problem}", err=True)


def warn_of_no_briefs(briefs: Briefs) -> None:
    """Warn of a folder that has no brief at all: it may be another than the one that was meant."""
    if not briefs.sources and not briefs.set_aside:
        click.echo(
            f"nbp: warning: no briefs in {briefs.root}: they are in its folders brands and "
            "campaigns; set NBP_CONFIG to the folder that has these",
            err=True,
        )


def choose_prompts(briefs: Briefs, words: Sequence[str]) -> Chosen:
    """Return the prompts that a command's words name; without words, all.

    A word is a prompt's key or the beginning of one (`spring_launch`, `spring_launch/kitchen`), or
    such a word with wildcards (`*/kitchen`, `spring_launch/*/de`), where `*` stands for any
    characters, slashes too.

    Raises:
        click.UsageError: A word names no prompt; what there is in its place gets listed.
    """
    prompts = expand(briefs)
    wanted: set[str] = set()
    for word in words:
        found = {prompt.key for prompt in prompts if _is_named(prompt.key, word)}
        if not found:
            raise click.UsageError(_explain_nothing(briefs, prompts, word))
        wanted |= found
    chosen: dict[str, list[Prompt]] = {}
    for prompt in prompts:
        if not words or prompt.key in wanted:
            chosen.setdefault(prompt.campaign, []).append(prompt)
    return chosen


def _is_named(key: str, word: str) -> bool:
    stem = word.rstrip("/")
    if not _WILDCARDS & set(stem):
        return key == stem or key.startswith(f"{stem}/")
    return fnmatchcase(key, stem) or fnmatchcase(key, f"{stem}/*")


def _explain_nothing(briefs: Briefs, prompts: Sequence[Prompt], word: str) -> str:
    """Return what a word does not name, and what stands at the step where it goes wrong."""
    if _WILDCARDS & set(word):
        return f"no prompt matches {word} in {briefs.root}; `nbp plan` lists every key"
    campaign, _, rest = word.partition("/")
    if campaign not in briefs.campaigns:
        there = list_accepted(briefs.campaigns, wanted=campaign)
        return f"no campaign {campaign} in {briefs.root}; {there}"
    shots = [shot.id for shot in briefs.campaigns[campaign].shots]
    shot = rest.partition("/")[0]
    if shot not in shots:
        return f"no shot {shot} in campaign {campaign}; {list_accepted(shots, wanted=shot)}"
    keys = [item.key for item in prompts if (item.campaign, item.shot) == (campaign, shot)]
    return f"no prompt {word}; {list_accepted(keys, wanted=word)}"
