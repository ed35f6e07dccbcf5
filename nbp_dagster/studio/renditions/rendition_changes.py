"""Says why the files of a picture are made again, which is free; must not know what is bought."""

from nbp_dagster.prompts.render_context import RenderContext
from nbp_dagster.studio.manifest.records import PromptRecord, version_of
from nbp_dagster.studio.typography.copy_fit import locale_copies

NOT_HERE = "its files are not on this machine"


def find_rendition_changes(
    context: RenderContext, record: PromptRecord | None, *, recipe: str, stamp: str, is_here: bool
) -> tuple[str, ...]:
    """Return why a prompt's renditions are due, in a few words each; nothing where they are not.

    Args:
        context: What the briefs say of the prompt.
        record: Its record.
        recipe: Hash of everything its renditions depend on now.
        stamp: Hash of everything its original is inspected by now.
        is_here: Whether the record is of its present image, and the store has its files.
    """
    if record is None or not is_here:
        return (NOT_HERE,)
    if record.data_version == version_of(recipe, stamp):
        return ()
    if version_of(record.recipe, "-") == version_of(recipe, "-"):
        return ("checked again: what it is measured by changed",)
    there = {(picture.channel, picture.locale) for picture in record.pictures}
    wanted = [
        (channel.id, copy.locale)
        for channel in context.channels
        for copy in locale_copies(context, channel)
    ]
    channels = dict.fromkeys(name for name, _ in wanted if name not in {one for one, _ in there})
    locales = dict.fromkeys(name for _, name in wanted if name not in {one for _, one in there})
    gone = {name for name, _ in there} - {name for name, _ in wanted}
    changes = [f"channel {name} added" for name in channels]
    changes += [f"locale {name} added" for name in locales]
    changes += [f"channel {name} removed" for name in sorted(gone)]
    return tuple(changes) or ("copy, fonts, a channel's measures, palette, logo or marking edited",)
