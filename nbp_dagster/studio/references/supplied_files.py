"""Decodes the image files that briefs name and reports the unusable ones; must not know HTTP."""

from PIL import Image

from nbp_dagster.briefs.brief import Briefs
from nbp_dagster.briefs.supplied_images import all_images
from nbp_dagster.studio.imaging.decode import UndecodableImage, decode_image
from nbp_dagster.studio.references.other_formats import make_plain
from nbp_dagster.studio.references.sendable import MAX_REFERENCE_PIXELS
from nbp_dagster.studio.storage.picture_metadata import strip_metadata
from nbp_dagster.yaml_source.problems import BriefError

# Of 255. A pixel below it changes what it is laid on by less than one can see.
LEAST_ALPHA = 8

_LEAST_SIDE = 2048

# Digests of the images that this process has decoded completely: equal bytes stay valid.
_VALID: set[str] = set()


def check_files(briefs: Briefs) -> None:
    """Decode every image file the briefs name; fetches nothing.

    Raises:
        BriefError: Some are no usable pictures; every one is named, with its file and line.
    """
    problems = []
    for image in all_images(briefs):
        digest = briefs.files.get(image.source)
        if digest is not None:
            try:
                data = strip_metadata(digest.path.read_bytes())
                decode_once(data, digest.sha256, what=image.source)
            except UndecodableImage as error:
                problems.append(image.problem(briefs, f"not a usable picture: {error.seen}"))
            except OSError as error:
                problems.append(image.problem(briefs, f"cannot be read: {error.strerror}"))
    if problems:
        raise BriefError(briefs.root, problems)


def decode_once(data: bytes, digest: str, *, what: str) -> None:
    """Decode an image completely, once a process, to validate it as a still picture.

    Raises:
        UndecodableImage: It is none, or nothing in it can be seen.
    """
    if digest in _VALID:
        return
    data = make_plain(data, what=what, max_pixels=MAX_REFERENCE_PIXELS)
    # A JPEG of more pixels than are sent is read through at a part of its size, for its memory.
    image = decode_image(
        data, what=what, max_pixels=MAX_REFERENCE_PIXELS, least_side=_LEAST_SIDE
    ).image
    if image.mode == "RGBA" and not any(image.getchannel("A").histogram()[LEAST_ALPHA:]):
        raise UndecodableImage(what, "nothing can be seen, as every pixel is transparent")
    if _is_one_colour(image):
        raise UndecodableImage(what, "nothing can be seen, as every pixel has one colour")
    _VALID.add(digest)


def _is_one_colour(image: Image.Image) -> bool:
    """Return whether a picture is one plane of one colour, as a logo's empty plate is."""
    bands = image.getextrema()
    spans = bands if isinstance(bands[0], tuple) else (bands,)
    return all(low == high for low, high in spans)
