"""Writes a campaign's set, after its paid pictures that this machine lacks are restored (free)."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from nbp_dagster.errors import NbpError
from nbp_dagster.prompts.expansion import Prompt
from nbp_dagster.prompts.render_context import render_context_of
from nbp_dagster.prompts.request import Sheet
from nbp_dagster.studio.ledger.orders import Made, Order, Reused
from nbp_dagster.studio.manifest.manifest import Picture, set_digest
from nbp_dagster.studio.manifest.manifest_file import MANIFEST, read_manifest
from nbp_dagster.studio.sets.manifest_builder import title_of
from nbp_dagster.studio.sets.set_writer import WrittenSet, write_set
from nbp_dagster.studio.sets.staging import SetOutline, SetStager
from nbp_dagster.studio.studio import Studio
from nbp_dagster.studio.typography.copy_fit import count_renditions

# Downloads at one time; the client's rate limiter bounds the requests.
_DOWNLOADS = 8
# Prompts that an error names.
_NAMED = 5


class SetIncomplete(NbpError):
    """Pictures of a set are paid and can't be brought here; no file of the set was changed."""


def write_campaign_set(studio: Studio, campaign_id: str) -> WrittenSet:
    """Write a campaign's set from its prompts' present records; see `set_writer.write_set`.

    Paid pictures that are not on this machine are fetched and rendered first.

    Raises:
        SetIncomplete: Some can't be fetched; the set stays as it was.
        NbpError: As `set_writer.write_set`.
    """
    studio.require_store()
    prompts = studio.prompts_of(campaign_id)
    compiled = studio.compile(prompts)
    problems = {**compiled.for_review, **restore_pictures(studio, prompts, compiled.orders)}
    manifest = studio.assemble(campaign_id, compiled, problems=problems)
    with studio.sets.writing(campaign_id) as send:
        written = write_set(
            studio.paths.sets / campaign_id,
            manifest,
            rendition=partial(_find_rendition, studio),
            sheet=_sheet_bytes(studio, compiled.sheets.values()),
            thumb=studio.thumb,
            stored=studio.store.path,
        )
        send(manifest)
    return written


def holds_set(folder: Path, version: str) -> bool:
    """Whether a folder holds the set of a data version, with its page.

    Another machine may have written that set elsewhere, and recorded it in the same Dagster.
    """
    try:
        manifest = read_manifest(folder / MANIFEST)
        return (folder / "index.html").is_file() and set_digest(manifest) == version
    except (NbpError, OSError):
        return False


def stage_campaign_set(studio: Studio, campaign_id: str) -> SetStager:
    """Return the stage that copies a set's files into its folder as its prompts finish."""
    campaign = studio.briefs.campaigns[campaign_id]
    contexts = (
        render_context_of(studio.briefs, prompt) for prompt in studio.prompts_of(campaign_id)
    )
    names = {channel: studio.briefs.channels[channel].name for channel in campaign.channels}
    outline = SetOutline(
        title=title_of(studio.briefs, campaign),
        counts={each.prompt.key: count_renditions(each) for each in contexts},
        channel_names=names,
    )
    return SetStager(
        studio.paths.sets / campaign_id,
        outline,
        rendition=partial(_find_rendition, studio),
        thumb=studio.store.peek,
        is_idle=lambda: studio.decode_limiter.has_room,
    )


def _find_rendition(studio: Studio, picture: Picture) -> Path:
    """Return the file of a rendition in the store."""
    return studio.store.path(picture.sha256)


def _sheet_bytes(studio: Studio, sheets: Iterable[Sheet]) -> Callable[[str], bytes]:
    """Return what reads the images of character sheets by their digests."""
    sources = {
        digest: source
        for sheet in sheets
        for digest, source in zip(sheet.digests, sheet.sources, strict=True)
    }
    return lambda digest: studio.references.read(sources[digest], digest)


def restore_pictures(
    studio: Studio, prompts: Sequence[Prompt], orders: Mapping[str, Order]
) -> dict[str, str]:
    """Fetch and render every paid picture that has no renditions on this machine; buys nothing.

    Another machine with the same ledger bought it, or this one lost its store or records.

    Args:
        studio: The studio.
        prompts: The prompts of the set.
        orders: What they compile to, by key.

    Returns:
        Why a prompt has no renditions although it has its original, by key.

    Raises:
        SetIncomplete: An original is neither in the store nor to be had from the service.
    """
    wanted = [orders[prompt.key] for prompt in prompts if prompt.key in orders]
    found = [made for made in studio.find_made(wanted) if isinstance(made, Reused)]
    lacking = {made.key: made for made in found if not studio.has_renditions(made)}
    if not lacking:
        return {}
    _fetch(studio, tuple(lacking.values()))
    postprocessor = studio.postprocessor(
        {prompt.key: prompt for prompt in prompts if prompt.key in lacking},
        {key: orders[key] for key in lacking},
        renders=True,
    )
    for _ in postprocessor.postprocess_each(lacking.values()):
        pass
    rendered = {key: postprocessor.take(key) for key in lacking}
    return {key: item.problem for key, item in rendered.items() if item.problem is not None}


def _fetch(studio: Studio, lacking: Sequence[Made]) -> None:
    """Download originals that the store lacks.

    Raises:
        SetIncomplete: Some can't be had; they are counted and the first are named.
    """
    failed: dict[str, NbpError] = {}

    def fetch(made: Made) -> None:
        try:
            studio.originals.fetch(made)
        except NbpError as error:
            failed[made.key] = error

    with ThreadPoolExecutor(_DOWNLOADS, thread_name_prefix="nbp-restore") as pool:
        list(pool.map(fetch, lacking))
    if failed:
        named = "; ".join(f"{key}: {failed[key]}" for key in sorted(failed)[:_NAMED])
        more = f"; and {len(failed) - _NAMED} more" if len(failed) > _NAMED else ""
        raise SetIncomplete(
            f"{len(failed)} of the set's pictures are paid and not on this machine: {named}{more}. "
            "The set stays as it was; run again when the service answers, or restore the store"
        )
