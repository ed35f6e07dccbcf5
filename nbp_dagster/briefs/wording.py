"""Which words belong on a picture of a shot in a locale, whoever sets them; knows no prompts."""

from collections.abc import Mapping
from typing import get_args

from nbp_dagster.briefs.languages import language_of
from nbp_dagster.briefs.models import Brand, CopyField, Shot

COPY_FIELDS: tuple[CopyField, ...] = get_args(CopyField)


def wording_of(brand: Brand, shot: Shot, locale: str) -> Mapping[CopyField, str]:
    """Return the words of a shot in one locale, in the order headline to disclaimer.

    A shot with copy but without a disclaimer of its own gets the brand's, if the brand has one for
    the locale or for its language. A shot without copy, or with text none, has no words.
    """
    if shot.text == "none" or not shot.texts:
        return {}
    words = {name: shot.texts[name][locale] for name in COPY_FIELDS if name in shot.texts}
    standing = brand.disclaimers.get(locale, brand.disclaimers.get(language_of(locale)))
    if standing is not None:
        words.setdefault("disclaimer", standing)
    return words
