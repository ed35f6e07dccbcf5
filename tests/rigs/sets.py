"""A sample set to show: a manifest with every kind of row, and pictures drawn to match it."""

import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal

from PIL import Image, ImageDraw

from nbp_dagster.studio.imaging.contact_sheet import load_font
from nbp_dagster.studio.manifest.likeness_facts import LikenessFacts
from nbp_dagster.studio.manifest.manifest import (
    ALL_LOCALES,
    BrandFacts,
    CampaignFacts,
    ChannelFacts,
    CharacterFacts,
    CheckFacts,
    Missing,
    Picture,
    ReferenceFacts,
    SetManifest,
    ShotFacts,
    count_totals,
    picture_file,
)
from nbp_dagster.studio.manifest.value_types import SafeArea, SeenBox

PALETTE = {"primary": "#0B3D2E", "accent": "#F2B705", "neutral": "#F7F3EA"}
CREATED = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
HEADLINES = {
    "kitchen": {"en": "Slow mornings win", "de": "Langsame Morgen gewinnen"},
    "rooftop": {"en": "Roasted for first light", "de": "Geröstet für das erste Licht"},
    "market": {},
}

CHANNELS = (
    ChannelFacts(
        id="instagram_feed",
        name="Instagram feed",
        width=1080,
        height=1350,
        safe_area=SafeArea(top=0, right=54, bottom=0, left=54),
    ),
    ChannelFacts(
        id="instagram_story",
        name="Instagram story",
        width=1080,
        height=1920,
        safe_area=SafeArea(top=250, right=64, bottom=340, left=64),
    ),
    ChannelFacts(id="linkedin_post", name="LinkedIn post", width=1200, height=627),
    ChannelFacts(id="display_300x250", name="Display 300 × 250", width=300, height=250),
    ChannelFacts(id="display_728x90", name="Leaderboard 728 × 90", width=728, height=90),
)

SHOTS = (
    ShotFacts(
        id="kitchen",
        scene="Mira pours the first cup at a sunlit kitchen counter",
        characters=("mira",),
        products=("House Blend",),
        copy={
            "headline": HEADLINES["kitchen"],
            "sub": {"en": "The spring roast is here.", "de": "Die Frühlingsröstung ist da."},
            "disclaimer": {"en": "Contains caffeine.", "de": "Enthält Koffein."},
        },
    ),
    ShotFacts(
        id="rooftop",
        scene="Mira and Otto share a thermos on a rooftop while the city wakes up below them",
        characters=("mira", "otto"),
        products=("House Blend",),
        copy={"headline": HEADLINES["rooftop"]},
    ),
    ShotFacts(
        id="market",
        scene="Otto chooses flowers at a street market, the dark green bag under his arm",
        characters=("otto",),
        products=("House Blend",),
        text="none",
        copy={},
    ),
)

_RATIOS = {
    "instagram_feed": "4:5",
    "instagram_story": "9:16",
    "linkedin_post": "16:9",
    "display_300x250": "5:4",
    "display_728x90": "21:9",
}


@dataclass(frozen=True)
class SampleSet:
    """A manifest, and the bytes of the renditions and the sheets it names by their sha256."""

    manifest: SetManifest
    data: Mapping[str, bytes]

    def rendition(self, picture: Picture) -> bytes:
        return self.data[picture.sha256]

    def sheet(self, digest: str) -> bytes:
        return self.data[digest]

    def thumbs(self, side: int = 320) -> dict[str, bytes]:
        """Return a thumbnail (WebP, at most `side` pixels) of every picture and sheet."""
        return {digest: shrink(data, side) for digest, data in self.data.items()}


def build_set(
    *,
    shots: Sequence[str] = ("kitchen", "rooftop", "market"),
    channels: Sequence[str] = tuple(_RATIOS),
    locales: tuple[str, ...] = ("en", "de"),
    simulated: bool = True,
    scale: float = 0.25,
    measured: bool = False,
    **changes: object,
) -> SampleSet:
    """Return a set of every shot on every channel, one missing prompt of each kind, one bad check.

    Args:
        scale: The files' size relative to what the manifest says of them; small draws fast.
        measured: Whether its characters were measured against their sheets.
        changes: Fields of the manifest to replace.
    """
    data: dict[str, bytes] = {}
    pictures = []
    chosen = [shot for shot in SHOTS if shot.id in shots]
    placements = [channel for channel in CHANNELS if channel.id in channels]
    for shot in chosen:
        for channel in placements:
            for locale in locales if shot.text == "drawn" else (ALL_LOCALES,):
                drawn = draw_picture(shot.id, channel, locale=locale, scale=scale)
                picture = build_picture(shot.id, channel, locale, data=drawn, simulated=simulated)
                data[picture.sha256] = drawn
                pictures.append(picture)
    sheets = {name: draw_sheet(name) for name in ("mira", "otto")}
    data.update({_sha256(sheet): sheet for sheet in sheets.values()})
    kept, missing = _take_out(pictures, placements)
    likenesses = build_likenesses(kept, chosen) if measured else ()
    manifest = SetManifest(
        name="Solstice Coffee: launch of the spring roast",
        created=CREATED,
        simulated=simulated,
        brand=BrandFacts(id="solstice", name="Solstice Coffee", palette=PALETTE),
        campaign=CampaignFacts(
            id="spring_launch",
            objective="launch of the spring roast",
            locales=locales,
            brief_path="campaigns/spring_launch.yaml",
            brief_sha256=_sha256(b"brief"),
            commit="4c1d9e02a7b86f35d0e1c2b3a4958677061524aa",
        ),
        totals=count_totals(kept, missing),
        channels=tuple(placements),
        shots=tuple(chosen),
        characters=(
            CharacterFacts(
                id="mira",
                name="Mira",
                traits=("woman in her thirties", "short curly auburn hair", "round glasses"),
                sheets=(_sha256(sheets["mira"]),),
            ),
            CharacterFacts(
                id="otto",
                name="Otto",
                traits=("tall man in his sixties", "white beard", "navy beanie"),
                sheets=(_sha256(sheets["otto"]),),
            ),
        ),
        pictures=kept,
        missing=missing,
        likenesses=likenesses,
    )
    return SampleSet(manifest=replace(manifest, **changes), data=data)


def build_likenesses(
    pictures: Sequence[Picture], shots: Sequence[ShotFacts]
) -> tuple[LikenessFacts, ...]:
    """Return a row for each character of each prompt, by character, the least like first."""
    casts = {shot.id: shot.characters for shot in shots}
    prompts = {picture.prompt_key: picture for picture in pictures}
    rows = [
        LikenessFacts(
            prompt_key=key,
            character=name,
            scorer="colour",
            scorer_version="1",
            score=0.3 + 0.02 * number,
            standing=0.2 + 0.05 * number,
            threshold=0.35,
            calibrated=name == "mira",
            self_similarity=0.7,
        )
        for number, (key, picture) in enumerate(prompts.items())
        for name in casts[picture.shot]
    ]
    return tuple(sorted(rows, key=lambda row: (row.character, row.standing)))


def build_picture(
    shot: str, channel: ChannelFacts, locale: str, *, data: bytes, simulated: bool = True
) -> Picture:
    """Return a row with every field of its lineage filled in."""
    ratio = _RATIOS[channel.id]
    key = f"spring_launch/{shot}/{locale}/{ratio.replace(':', 'x')}/v1"
    short = channel.height < 100
    return Picture(
        file=picture_file(
            channel=channel.id, shot=shot, locale=locale, ratio=ratio, variant=1, file_type="jpeg"
        ),
        channel=channel.id,
        shot=shot,
        locale=locale,
        ratio=ratio,
        variant=1,
        width=channel.width,
        height=channel.height,
        bytes=len(data),
        sha256=_sha256(data),
        file_type="jpeg",
        prompt_key=key,
        prompt=(
            f"A photograph for {channel.name}: soft morning light, 35 mm.\n\n"
            "Image 1 is the character sheet of MIRA: take her identity from it, and neither her "
            "pose nor the background.\n\n"
            f"Draw this text exactly: “{HEADLINES[shot].get(locale, '')}”."
        ),
        references=(
            ReferenceFacts(role="identity", subject="mira", digest=_sha256(b"mira")),
            ReferenceFacts(role="product", subject="House Blend", digest=_sha256(b"bag")),
        ),
        model="google-nano-banana-pro",
        parameters={"aspect_ratio": ratio, "resolution": "2K", "safety_tolerance": "6"},
        fingerprint=_sha256(key.encode()),
        generation_id=f"gen_{_sha256(key.encode())[:12]}",
        price_usd=Decimal("0.134"),
        reused=shot == "market",
        billed=not simulated and shot != "market",
        seconds_taken=20.3,
        alt_texts={"x-default": f"The {shot}", locale: f"The {shot}, in words for {locale}"},
        seconds_queued=2.4,
        seconds_working=17.9,
        original_sha256=_sha256(key.encode() + b"original"),
        simulated=simulated,
        boxes=(
            SeenBox(kind="head", name="head_1", box=(0.4, 0.1, 0.6, 0.35)),
            SeenBox(kind="subject", name="subject", box=(0.3, 0.1, 0.75, 1.0)),
            SeenBox(kind="type", name="headline", box=(0.05, 0.05, 0.35, 0.2)),
        ),
        checks=(
            CheckFacts(
                name="exact_pixels",
                verdict="passed",
                sentence=f"The file has {channel.width} × {channel.height} pixels, as asked.",
                severity="error",
                threshold="exact",
                figures={"width": channel.width, "height": channel.height},
            ),
            CheckFacts(
                name="smallest_letter",
                verdict="failed" if short else "passed",
                sentence="The smallest words are 7 px high."
                if short
                else "All words are large enough.",
                severity="warn",
                figures={"px": 7 if short else 24},
            ),
            CheckFacts(
                name="copy_legible",
                verdict="skipped",
                sentence="No reader of text is installed.",
                severity="warn",
                figures={},
            ),
        ),
    )


def _take_out(
    pictures: Sequence[Picture], channels: Sequence[ChannelFacts]
) -> tuple[tuple[Picture, ...], tuple[Missing, ...]]:
    """Make one prompt of each kind of gap, where the set has the shot for it."""
    gaps = {
        ("rooftop", "de", "instagram_story"): (
            "refused",
            "The service said: “Request blocked by the content policy (PROHIBITED_CONTENT).”",
        ),
        ("rooftop", "de", "linkedin_post"): (
            "failed",
            "Stuck past its deadline of 600 s; cancelled, nothing was billed.",
        ),
        ("market", ALL_LOCALES, "display_728x90"): ("not_made", ""),
    }
    kept, missing = [], []
    for picture in pictures:
        gap = gaps.get((picture.shot, picture.locale, picture.channel))
        if gap is None:
            kept.append(picture)
            continue
        row = Missing(
            prompt_key=picture.prompt_key,
            shot=picture.shot,
            locale=picture.locale,
            ratio=picture.ratio,
            variant=picture.variant,
            channels=(picture.channel,),
            state=gap[0],  # type: ignore[arg-type]
            reason=gap[1],
        )
        missing.append(row)
    return tuple(kept), tuple(missing)


def shrink(data: bytes, side: int) -> bytes:
    """Return a picture as WebP, its longer side at most `side` pixels."""
    image = Image.open(io.BytesIO(data))
    image.thumbnail((side, side))
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=60)
    return buffer.getvalue()


_SKIES = {
    "kitchen": ((250, 226, 178), (228, 184, 122)),
    "rooftop": ((247, 196, 150), (122, 150, 190)),
    "market": ((214, 232, 216), (150, 186, 168)),
}


def draw_picture(shot: str, channel: ChannelFacts, *, locale: str, scale: float) -> bytes:
    """Return a JPEG of the shot in the channel's ratio, with its headline in the given locale."""
    size = (round(channel.width * scale), round(channel.height * scale))
    image = _gradient(size, *_SKIES[shot])
    draw = ImageDraw.Draw(image)
    width, height = size
    unit = min(width, height * 1.2)
    sun = unit * 0.3
    draw.ellipse(
        (width * 0.66, height * 0.1, width * 0.66 + sun, height * 0.1 + sun), fill="#FFF3D0"
    )
    floor = height * 0.8
    draw.rectangle((0, floor, width, height), fill=PALETTE["primary"])
    people = {"kitchen": ("mira",), "rooftop": ("mira", "otto"), "market": ("otto",)}[shot]
    for number, name in enumerate(people):
        centre = width * (0.42 + 0.3 * number - 0.12 * (len(people) - 1))
        _draw_person(draw, name, centre=centre, floor=floor, unit=unit * 0.62)
    bag = unit * 0.13
    left = width * 0.14
    draw.rectangle((left, floor - bag * 1.5, left + bag, floor + bag * 0.1), fill="#1D5A45")
    draw.ellipse(
        (left + bag * 0.25, floor - bag, left + bag * 0.75, floor - bag * 0.5),
        fill=PALETTE["accent"],
    )
    headline = HEADLINES[shot].get(locale)
    if headline:
        size_of_text = min(width / (0.62 * len(headline)), height * 0.11)
        font = load_font(max(6, round(size_of_text)), 700)
        draw.text(
            (width * 0.07, (floor + height) / 2), headline, font=font, fill="#F7F3EA", anchor="lm"
        )
    return _jpeg(image)


def draw_sheet(name: str) -> bytes:
    """Return a JPEG portrait of a character on the brand's neutral colour."""
    image = Image.new("RGB", (360, 360), "#EADFC8")
    _draw_person(ImageDraw.Draw(image), name, centre=180, floor=400, unit=350)
    return _jpeg(image)


def _draw_person(
    draw: ImageDraw.ImageDraw, name: str, *, centre: float, floor: float, unit: float
) -> None:
    hair, coat, skin = {
        "mira": ("#9A4A22", PALETTE["accent"], "#F0C6A2"),
        "otto": ("#ECE8DF", "#26466B", "#DDAE88"),
    }[name]
    head, top = unit * 0.2, floor - unit

    def disc(x: float, y: float, radius: float, fill: str) -> None:
        box = (x - radius, y - radius, x + radius, y + radius)
        draw.ellipse(box, fill=fill)

    shoulders = (centre - unit * 0.3, top + head * 2.1, centre + unit * 0.3, floor + unit * 0.6)
    draw.pieslice(shoulders, 180, 360, fill=coat)
    draw.rectangle(
        (centre - head * 0.35, top + head * 1.6, centre + head * 0.35, top + head * 2.5), fill=skin
    )
    for x, y in (
        (-0.8, 0.7),
        (0.8, 0.7),
        (-0.6, 0.15),
        (0.6, 0.15),
        (0, 0),
        (-0.95, 1.2),
        (0.95, 1.2),
    ):
        disc(centre + head * x, top + head * (y + 0.2), head * 0.52, hair)
    disc(centre, top + head * 1.15, head * 0.95, skin)
    if name == "otto":
        draw.pieslice(
            (centre - head, top, centre + head, top + head * 2.4), 15, 165, fill="#ECE8DF"
        )
        draw.pieslice(
            (centre - head, top, centre + head, top + head * 1.9), 180, 360, fill="#1E2F4D"
        )
    for side in (-1, 1):
        disc(centre + side * head * 0.38, top + head * 1.1, head * 0.09, "#2A2320")
        if name == "mira":
            radius, x, y = head * 0.3, centre + side * head * 0.38, top + head * 1.1
            box = (x - radius, y - radius, x + radius, y + radius)
            draw.ellipse(box, outline="#5A3A1E", width=max(1, round(head * 0.07)))


def _gradient(size: tuple[int, int], top: tuple[int, ...], bottom: tuple[int, ...]) -> Image.Image:
    ramp = Image.linear_gradient("L").resize(size)
    return Image.composite(Image.new("RGB", size, bottom), Image.new("RGB", size, top), ramp)


def _jpeg(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=88)
    return buffer.getvalue()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def build_large_set(pictures: int, *, per_prompt: int = 1) -> SampleSet:
    """One small picture under many names: a set whose page does not carry its thumbnails.

    Args:
        pictures: How many.
        per_prompt: How many of them each prompt has.
    """
    sample = build_set(scale=0.05, shots=("kitchen",), channels=("linkedin_post",))
    row = sample.manifest.pictures[0]
    data, rows = {}, []
    for number in range(pictures):
        # What follows the end of a JPEG is no part of the picture.
        copy = sample.data[row.sha256] + str(number).encode()
        digest = hashlib.sha256(copy).hexdigest()
        data[digest] = copy
        file = f"images/linkedin_post/kitchen_en_16x9_v{number + 1}.jpg"
        key = f"spring/kitchen/en/16x9/v{number // per_prompt + 1}"
        named = replace(row, file=file, sha256=digest, variant=number + 1, prompt_key=key)
        rows.append(named)
    return SampleSet(replace(sample.manifest, pictures=tuple(rows), missing=()), data)


def build_long_set(pictures: int, *, shots: int = 24) -> SampleSet:
    """A set of many shots, each with its pictures on every channel, drawn small.

    Args:
        pictures: How many.
        shots: How many of them have an equal share.
    """
    sample = build_set(scale=0.1)
    base = [row for row in sample.manifest.pictures if row.locale != ALL_LOCALES]
    facts, rows = [], []
    for number in range(shots):
        facts.append(replace(SHOTS[0], id=f"scene_{number + 1}", scene=f"Scene {number + 1}"))
    for number in range(pictures):
        row, shot = base[number // shots % len(base)], facts[number % shots]
        variant = number // shots // len(base) + 1
        file = row.file.replace(row.shot, f"{shot.id}_{number}")
        key = f"spring_launch/{shot.id}/{row.locale}/{row.ratio.replace(':', 'x')}/v{number}"
        rows.append(replace(row, shot=shot.id, file=file, prompt_key=key, variant=variant))
    rows.sort(key=lambda row: [shot.id for shot in facts].index(row.shot))
    manifest = replace(
        sample.manifest,
        shots=tuple(facts),
        pictures=tuple(rows),
        missing=(),
        totals=count_totals(rows, ()),
    )
    return SampleSet(manifest, sample.data)
