"""Cross-file rules of campaigns, brands and channels; works on data as written, valid or not.

A rule skips what the record check has already refused, so that one error stays one line.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from nbp_dagster.addresses import MAX_NAME_BYTES
from nbp_dagster.briefs.channels import find_meant_channels
from nbp_dagster.briefs.images import is_shot_id
from nbp_dagster.briefs.languages import find_locale_fault
from nbp_dagster.briefs.model_limits import is_listed, load_known_models, show_parameter
from nbp_dagster.briefs.models import (
    DEFAULT_MODEL,
    DEFAULT_REFERENCES,
    MAX_ID_CHARACTERS,
    MAX_MODEL_REFERENCES,
)
from nbp_dagster.briefs.text_rules import check_disclaimers, check_terms, strings_of
from nbp_dagster.briefs.vocabulary import (
    DEFAULT_FILE_NAMES,
    find_file_names_fault,
    find_market_fault,
    list_name_fields,
)
from nbp_dagster.yaml_source.document import Document
from nbp_dagster.yaml_source.problems import BriefProblem, KeyPath, list_accepted

_LONGEST_ENDING = len(".webp")
_SET_ELSEWHERE = {
    "aspect_ratio": "it follows from the channels",
    "resolution": "set it with the campaign's key resolution",
    "prompt": "it is written from the brand and the shot's scene",
    "input_image": "it is made of the brand's references and logo",
    "num_generations": "set it with the campaign's key variants",
    "model": "set it with the campaign's key model",
    "response_format": "the client chooses it",
    "target_namespace": "it belongs to the settings, not to a brief",
    "target_repo": "it belongs to the settings, not to a brief",
    "target_directory": "it belongs to the settings, not to a brief",
}


def check_campaign(
    campaign: Document,
    brands: Mapping[str, Document | None],
    channels: Mapping[str, str] | None,
) -> list[BriefProblem]:
    """Check a campaign against the brands and channels that exist.

    Args:
        campaign: The campaign's file.
        brands: Each brand's file by name; None where the file could not be read at all.
        channels: What people call each channel, by id; None where they cannot all be known.

    Returns:
        One problem for each error.
    """
    problems = list(_check_brand_name(campaign, brands))
    if channels is not None:
        problems += _check_channels(campaign, channels)
    for group in ("locales", "channels"):
        problems += _check_repeats(campaign, (group,))
    problems += _check_shot_ids(campaign)
    problems += _check_chain(campaign)
    problems += _check_repeats(campaign, ("models",))
    problems += _check_parameters(campaign)
    if "time_zone" in campaign.data and "refresh" not in campaign.data:
        message = "is the zone of refresh, which is not there; add refresh, or remove this"
        problems.append(campaign.problem(("time_zone",), message))
    name = campaign.data.get("brand")
    brand = brands.get(name) if isinstance(name, str) else None
    problems += _check_targets(campaign, (), campaign.data, brand)
    if brand:
        problems += _check_disclosure(campaign, brand)
        problems += _check_file_names(campaign, brand)
        problems += _check_name_length(campaign, brand)
    for path, shot in _shots(campaign):
        problems += _check_targets(campaign, path, shot, brand)
        problems += _check_copy_mode(campaign, path, shot)
        problems += _check_locales(campaign, path, shot)
        problems += _check_cast(campaign, path, shot)
        problems += _check_edit(campaign, path, shot)
        for member in ("characters", "products"):
            problems += _check_repeats(campaign, (*path, member))
        if brand:
            problems += _check_members(campaign, path, shot, brand)
            problems += check_terms(campaign, path, shot, brand)
            problems += check_disclaimers(campaign, path, shot, brand)
    return problems


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _texts(value: object) -> Sequence[tuple[int, str]]:
    items = value if isinstance(value, tuple) else ()
    return [(index, item) for index, item in enumerate(items) if isinstance(item, str)]


def _shots(campaign: Document) -> Iterator[tuple[KeyPath, Mapping[str, Any]]]:
    shots = campaign.data.get("shots")
    for index, shot in enumerate(shots if isinstance(shots, tuple) else ()):
        if isinstance(shot, Mapping):
            yield ("shots", index), shot


def _check_file_names(campaign: Document, brand: Document) -> Iterator[BriefProblem]:
    """Yield what a brand's file names lack to tell a campaign's pictures apart; stops it alone."""
    pattern = brand.data.get("file_names")
    if not isinstance(pattern, str) or find_file_names_fault(pattern):
        return
    counts: dict[str, object] = {
        "shot": len(campaign.data.get("shots") or ()),
        "channel": len(campaign.data.get("channels") or ()),
        "locale": len(campaign.data.get("locales") or ()),
        "variant": campaign.data.get("variants", 1),
    }
    for name in counts.keys() - list_name_fields(pattern):
        count = counts[name]
        if isinstance(count, int) and count > 1:
            owner = campaign.data.get("id")
            message = (
                f"gives several pictures of campaign {owner} one name: it has {count} {name}s; "
                f"put {{{name}}} into the pattern"
            )
            yield replace(brand.problem(("file_names",), message), stops=(campaign.file,))


def _check_name_length(campaign: Document, brand: Document) -> Iterator[BriefProblem]:
    """Yield a problem where the longest name a delivered picture may get is too long for a file.

    It is in the brand where its pattern is written there, else in the campaign; it stops the
    campaign alone.
    """
    pattern = brand.data.get("file_names", DEFAULT_FILE_NAMES)
    if not isinstance(pattern, str) or find_file_names_fault(pattern):
        return
    longest = {
        "brand": (brand.data.get("id"),),
        "campaign": (campaign.data.get("id"),),
        "shot": tuple(shot.get("id") for _, shot in _shots(campaign)),
        "channel": campaign.data.get("channels"),
        "locale": ("all", *strings_of(campaign.data.get("locales"))),
    }
    # The most that a variant, a ratio and a side of pixels may have.
    values = {"variant": "4", "ratio": "16x9", "width": "8192", "height": "8192"}
    values |= {name: max(strings_of(found), key=len, default="") for name, found in longest.items()}
    length = len(pattern.format(**values)) + _LONGEST_ENDING
    has_own_problem = any(len(value) > MAX_ID_CHARACTERS for value in values.values())
    if length <= MAX_NAME_BYTES or has_own_problem:
        return
    message = (
        f"gives shot {values['shot']} of campaign {values['campaign']} a name of {length} "
        f"characters; accepted: at most {MAX_NAME_BYTES}; shorten the ids or the brand's file_names"
    )
    if "file_names" in brand.data:
        problem = brand.problem(("file_names",), message, value="")
        yield replace(problem, stops=(campaign.file,))
    else:
        yield campaign.problem(("id",), message, value="")


def _check_brand_name(
    campaign: Document, brands: Mapping[str, Document | None]
) -> Iterator[BriefProblem]:
    name = campaign.data.get("brand")
    if isinstance(name, str) and name not in brands:
        yield campaign.problem(("brand",), f"not a brand; {list_accepted(brands, wanted=name)}")


def _check_channels(campaign: Document, known: Mapping[str, str]) -> Iterator[BriefProblem]:
    for index, name in _texts(campaign.data.get("channels")):
        if name not in known:
            meant = find_meant_channels(name, known)
            message = f"not a channel; {list_accepted(known, wanted=None if meant else name)}"
            if meant:
                message += f"; did you mean {' or '.join(meant)}?"
            yield campaign.problem(("channels", index), message)


def _check_repeats(campaign: Document, path: KeyPath) -> Iterator[BriefProblem]:
    value: Any = campaign.data
    for step in path:
        value = value.get(step) if isinstance(value, Mapping) else _item(value, step)
    seen: set[str] = set()
    for index, name in _texts(value):
        if name in seen:
            yield campaign.problem((*path, index), "given twice; keep one")
        seen.add(name)


def _item(value: Any, index: str | int) -> Any:
    return value[index] if isinstance(value, tuple) and isinstance(index, int) else None


def _check_shot_ids(campaign: Document) -> Iterator[BriefProblem]:
    first: dict[str, int] = {}
    for path, shot in _shots(campaign):
        name = shot.get("id")
        if not isinstance(name, str):
            continue
        place = (*path, "id")
        if name in first:
            message = f"already the id of the shot on line {first[name]}; accepted: another id"
            yield campaign.problem(place, message)
        first.setdefault(name, campaign.line_of(place))


def _check_chain(campaign: Document) -> Iterator[BriefProblem]:
    models = [name for _, name in _texts(campaign.data.get("models"))]
    if "models" in campaign.data and "model" in campaign.data:
        message = "given beside model; keep one of the two: models is a chain, model a chain of one"
        yield campaign.problem(("models",), message, value="")
    elif campaign.data.get("models") == ():
        message = "names no model; name at least one, or remove it"
        yield campaign.problem(("models",), message, value="")
    if campaign.data.get("fall_back", "never") != "never" and len(models) < 2:
        message = "there is no model to fall back to; name at least two with models"
        yield campaign.problem(("fall_back",), message)


def _check_parameters(campaign: Document) -> Iterator[BriefProblem]:
    chain = [name for _, name in _texts(campaign.data.get("models"))]
    for model in chain or [campaign.data.get("model", DEFAULT_MODEL)]:
        problems = tuple(_check_parameters_of(campaign, model))
        if problems:
            yield from problems
            # Every further model would say the same of most of them.
            return


def _check_parameters_of(campaign: Document, model: object) -> Iterator[BriefProblem]:
    found = load_known_models().get(model) if isinstance(model, str) else None
    known = None if found is None else found.parameters
    for name, value in _mapping(campaign.data.get("parameters")).items():
        path: KeyPath = ("parameters", name)
        if name in _SET_ELSEWHERE:
            yield campaign.problem(path, f"not a parameter of a brief: {_SET_ELSEWHERE[name]}")
        elif known is None:
            continue  # another model's parameters are known only to the service
        elif name not in known:
            accepted = list_accepted(known, wanted=name)
            yield campaign.problem(path, f"not a parameter of {model}; {accepted}")
        elif isinstance(value, str | bool | int | float) and not is_listed(value, known[name]):
            yield campaign.problem(path, list_accepted(map(show_parameter, known[name])))


def _check_copy_mode(
    campaign: Document, path: KeyPath, shot: Mapping[str, Any]
) -> Iterator[BriefProblem]:
    mode, copy = shot.get("text", "drawn"), shot.get("copy")
    if mode == "none" and _mapping(copy):
        message = "copy is given but text is none; use drawn or composited, or remove the copy"
        yield campaign.problem((*path, "copy"), message, value="")
    if mode == "composited" and (copy is None or copy == {}):
        message = "text is composited but there is no copy; add a headline or use none"
        yield campaign.problem((*path, "text"), message, value="")


def _check_edit(
    campaign: Document, path: KeyPath, shot: Mapping[str, Any]
) -> Iterator[BriefProblem]:
    """Yield why a shot can't be an edit: each is one step from a picture that is drawn."""
    source, instruction = shot.get("from"), shot.get("instruction")
    if source is not None and instruction is None:
        message = "missing; required beside from: what is changed in the picture"
        yield campaign.problem((*path, "instruction"), message, value="")
    if instruction is not None and source is None:
        message = "says what to change, and from does not say in which picture; add from"
        yield campaign.problem((*path, "instruction"), message)
    if shot.get("localize") == "edit":
        if source is not None:
            message = "is an edit already, by from; an edit of an edit loses quality: use draw"
            yield campaign.problem((*path, "localize"), message)
        elif shot.get("text", "drawn") != "drawn" or not _mapping(shot.get("copy")):
            message = "there are no drawn words to change; use draw, or text: drawn with copy"
            yield campaign.problem((*path, "localize"), message)
    if not isinstance(source, str) or not is_shot_id(source):
        return
    earlier: dict[str, Mapping[str, Any]] = {}
    for other_path, other in _shots(campaign):
        if other_path == path:
            break
        earlier.setdefault(str(other.get("id")), other)
    if source not in earlier:
        message = (
            f"not a shot above this one; {list_accepted(earlier, wanted=source)}"
            if earlier
            else "no shot is above this one; accepted: the id of an earlier shot"
        )
        yield campaign.problem((*path, "from"), f"{message}, or an image such as images/room.jpg")
        return
    base = earlier[source]
    if base.get("from") is not None or base.get("localize") == "edit":
        message = "its pictures are edits themselves; accepted: a shot that is drawn"
        yield campaign.problem((*path, "from"), message)
    elif base.get("text", "drawn") != shot.get("text", "drawn"):
        message = f"its text is {base.get('text', 'drawn')}; give this shot the same"
        yield campaign.problem((*path, "from"), message)
    elif bool(_mapping(base.get("copy"))) != bool(_mapping(shot.get("copy"))):
        has = "has copy" if _mapping(base.get("copy")) else "has no copy"
        yield campaign.problem((*path, "from"), f"it {has}; give this shot the same")


def _check_locales(
    campaign: Document, path: KeyPath, shot: Mapping[str, Any]
) -> Iterator[BriefProblem]:
    locales = [name for _, name in _texts(campaign.data.get("locales"))]
    if not locales or any(map(find_locale_fault, locales)):
        return
    copy = _mapping(shot.get("copy"))
    by_place = {(*path, "copy", field): texts for field, texts in copy.items()}
    if shot.get("alt_text"):
        by_place[*path, "alt_text"] = shot["alt_text"]
    for place, texts in by_place.items():
        if not isinstance(texts, Mapping):
            continue
        for locale in texts:
            if locale not in locales:
                accepted = list_accepted(locales, wanted=locale)
                message = f"not a locale of this campaign; {accepted}"
                yield campaign.problem((*place, locale), message, value="")
        for locale in dict.fromkeys(locales):
            if locale not in texts:
                message = f"missing; required: a text for each of {', '.join(locales)}"
                yield campaign.problem((*place, locale), message, value="")


def _check_members(
    campaign: Document, path: KeyPath, shot: Mapping[str, Any], brand: Document
) -> Iterator[BriefProblem]:
    owner = brand.data.get("id")
    for member in ("characters", "products"):
        known = _mapping(brand.data.get(member))
        for index, name in _texts(shot.get(member)):
            if name not in known:
                accepted = list_accepted(known, wanted=name)
                message = f"not a {member[:-1]} of brand {owner}; {accepted}"
                yield campaign.problem((*path, member, index), message)


def _check_cast(
    campaign: Document, path: KeyPath, shot: Mapping[str, Any]
) -> Iterator[BriefProblem]:
    """Every character of a shot needs a reference image, or its likeness would be arbitrary."""
    most = campaign.data.get("max_references", DEFAULT_REFERENCES)
    count = len(_texts(shot.get("characters")))
    if type(most) is int and 1 <= most <= MAX_MODEL_REFERENCES and count > most:
        message = (
            f"its {count} characters need {count} references; accepted: at most {most}, the "
            f"campaign's max_references ({MAX_MODEL_REFERENCES} is the model's limit); raise it "
            "or give the shot fewer characters"
        )
        yield campaign.problem((*path, "characters"), message, value="")


def _check_disclosure(campaign: Document, brand: Document) -> Iterator[BriefProblem]:
    """Where markets are named, what their rules depend on is said: nothing is guessed."""
    given = campaign.data.get("markets")
    markets = [name for _, name in _texts(given)]
    if not markets or given != tuple(markets) or any(map(find_market_fault, markets)):
        return
    yield from _check_repeats(campaign, ("markets",))
    if campaign.data.get("realism") is None and brand.data.get("realism") is None:
        message = (
            "what these ask depends on whether the pictures look like photographs; add realism: "
            f"photoreal or illustrated, here or to {brand.file}"
        )
        yield campaign.problem(("markets",), message, value="")
    known, asked = _mapping(brand.data.get("characters")), set[str]()
    for path, shot in _shots(campaign):
        for index, name in _texts(shot.get("characters")):
            character = known.get(name)
            if name in asked or not isinstance(character, Mapping) or character.get("kind"):
                continue
            asked.add(name)
            line = brand.line_of(("characters", name))
            message = (
                "what the campaign's markets ask depends on who is shown; add kind: person, "
                f"animal, mascot or illustration to this character in {brand.file}:{line}"
            )
            yield campaign.problem((*path, "characters", index), message)


def _check_targets(
    campaign: Document, path: KeyPath, owner: Mapping[str, Any], brand: Document | None
) -> Iterator[BriefProblem]:
    """Targets name palette colours, and their least shares fit into one picture."""
    own = _mapping(owner.get("palette_targets"))
    known = _mapping(brand.data.get("palette")) if brand else {}
    for name in own if known else ():
        if name not in known:
            message = f"not a colour of the brand's palette; {list_accepted(known, wanted=name)}"
            yield campaign.problem((*path, "palette_targets", name), message, value="")
    # A shot's targets stand beside those of the campaign that it does not replace.
    targets = {**_mapping(campaign.data.get("palette_targets")), **own}
    total = sum(map(_least_of, targets.values()))
    if own and total > 1:
        message = f"the least shares add up to {total:g} of the picture; accepted: at most 1"
        yield campaign.problem((*path, "palette_targets"), message, value="")


def _least_of(target: object) -> float:
    least = target.get("least") if isinstance(target, Mapping) else target
    return least if isinstance(least, int | float) and 0 <= least <= 1 else 0.0
