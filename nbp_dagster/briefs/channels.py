"""Registry of channels (placements): packaged ones and a config folder's; knows no campaign."""

from collections.abc import Mapping
from importlib import resources
from pathlib import Path

from pydantic import Field

from nbp_dagster.briefs.models import Channel
from nbp_dagster.yaml_source.document import Document, parse_document
from nbp_dagster.yaml_source.problems import BriefError, BriefProblem, list_accepted
from nbp_dagster.yaml_source.validation import check_record

CHANNELS_FILE = "channels.yaml"


class _Entry(Channel):
    """A channel as written in a file, where its id is its key."""

    override: bool = Field(default=False, description="true to replace a channel of the same id")


def load_packaged_channels() -> Mapping[str, Channel]:
    """Return the packaged channels by id, in the order of its channels.yaml."""
    path = Path(str(resources.files("nbp_dagster.briefs") / CHANNELS_FILE))
    document, problems = parse_document(path.read_bytes(), file=CHANNELS_FILE, path=path)
    channels, more = read_channels(document, packaged={}) if document else ({}, [])
    if problems or more:
        raise BriefError(path.parent, [*problems, *more])
    return channels


def read_channels(
    document: Document, *, packaged: Mapping[str, Channel]
) -> tuple[dict[str, Channel], list[BriefProblem]]:
    """Read the channels of one file.

    Args:
        document: A mapping of channel id to its fields.
        packaged: Channels that exist already; one of the same id needs `override: true`.

    Returns:
        The file's channels by id and the problems of the others.
    """
    channels: dict[str, Channel] = {}
    problems: list[BriefProblem] = []
    for name, value in document.data.items():
        if isinstance(value, Mapping) and "id" in value:
            message = "unknown key; a channel's id is the key it stands under"
            problems.append(document.problem((name, "id"), message, value=""))
            continue
        entry, faults = check_record(_Entry, document, at=(name,), extra={"id": name})
        problems += faults
        if entry is None:
            continue
        if name in packaged and not entry.override:
            message = "already a packaged channel; choose another id or add override: true"
            problems.append(document.problem((name,), message, value=""))
        elif entry.override and name not in packaged:
            accepted = list_accepted(packaged, wanted=name)
            message = f"overrides no packaged channel; {accepted}"
            problems.append(document.problem((name,), message, value=""))
        channels[name] = Channel(**{key: getattr(entry, key) for key in Channel.model_fields})
    return channels, problems
