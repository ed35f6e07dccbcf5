"""The names that pictures have when they are delivered, by the pattern of their brand."""

from collections.abc import Mapping
from pathlib import PurePosixPath

from nbp_dagster.addresses import MAX_NAME_BYTES
from nbp_dagster.errors import NbpError
from nbp_dagster.studio.manifest.manifest import Picture, SetManifest


class FileNameError(NbpError):
    """A pattern gives two pictures one name, or one that is too long."""


def name_pictures(manifest: SetManifest, pattern: str, *, where: str) -> Mapping[str, str]:
    """Return the delivered path of each picture by its path in the set.

    Folders stay those of the set, `images/<channel>/`; names are the brand's.

    Args:
        manifest: The set.
        pattern: A sound pattern; see `briefs.vocabulary.find_file_names_fault`.
        where: File and line of the pattern, for an error.

    Raises:
        FileNameError: Two pictures would have one name, on a file system that ignores case too, or
            a name would be longer than file systems take.
    """
    names: dict[str, str] = {}
    owners: dict[str, Picture] = {}
    for picture in manifest.pictures:
        old = PurePosixPath(picture.file)
        name = pattern.format(**_fields(manifest, picture)) + old.suffix
        if len(name) > MAX_NAME_BYTES:
            raise FileNameError(
                f"{where}: file_names: {pattern!r} - gives {picture.prompt_key} on "
                f"{picture.channel} a name of {len(name)} characters, {name[:40]}...; "
                f"accepted: at most {MAX_NAME_BYTES}"
            )
        other = owners.setdefault(name.casefold(), picture)
        if other is not picture:
            raise FileNameError(
                f"{where}: file_names: {pattern!r} - gives {other.prompt_key} on {other.channel} "
                f"and {picture.prompt_key} on {picture.channel} one name, {name}; put what tells "
                "them apart into the pattern"
            )
        names[picture.file] = str(old.with_name(name))
    return names


def _fields(manifest: SetManifest, picture: Picture) -> Mapping[str, str]:
    return {
        "brand": manifest.brand.id,
        "campaign": manifest.campaign.id,
        "shot": picture.shot,
        "channel": picture.channel,
        "locale": picture.locale,
        "variant": str(picture.variant),
        "ratio": picture.ratio.replace(":", "x"),
        "width": str(picture.width),
        "height": str(picture.height),
    }
