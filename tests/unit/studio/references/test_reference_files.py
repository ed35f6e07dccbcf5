"""Reference images: how they reach the service, what is fetched, and what is refused."""

import base64
import hashlib
import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import ExifTags, Image

from nbp_dagster.briefs.load import Briefs, load_briefs
from nbp_dagster.briefs.supplied_images import campaign_images
from nbp_dagster.errors import NbpError
from nbp_dagster.oxen.client import OxenClient
from nbp_dagster.oxen.retry import RetryPolicy
from nbp_dagster.oxen.transport import HttpResponse, RequestsTransport
from nbp_dagster.prompts.reference_selection import palette_reference
from nbp_dagster.prompts.request import ImageRequest, Reference
from nbp_dagster.simulator.server import SimulatorServer
from nbp_dagster.studio.references.reference_files import ReferenceFiles, UnusableReference
from nbp_dagster.studio.references.sheet_card import CARD_HEIGHT, CARD_WIDTH, draw_palette_card
from nbp_dagster.studio.references.supplied_files import check_files
from nbp_dagster.studio.references.uploads import (
    LINK_SECONDS,
    MAX_INLINE_BYTES,
    MAX_UPLOAD_BYTES,
    DeliveryOptions,
    InlineDelivery,
    NoUploadTarget,
    PassThroughUrl,
)
from nbp_dagster.studio.storage.documents import DocumentFolder
from nbp_dagster.studio.storage.image_store import FolderStore
from nbp_dagster.yaml_source.problems import BriefError
from tests.fakes.clock import FakeClock
from tests.fakes.transport import ScriptedTransport, Step
from tests.rigs.briefs import BRAND, campaign, shot, write_briefs
from tests.rigs.pictures import broken_pictures, draw_scene, encode
from tests.rigs.service import ServiceProbe

REPOSITORY = "acme/references"
LOCAL = encode(draw_scene(48, 32))
REMOTE = encode(draw_scene(32, 48), "JPEG")
ADDRESS = "https://cdn.test/bag.jpg?sig=s3cret"


@pytest.fixture
def briefs(tmp_path: Path) -> Briefs:
    """A logo beside the brand file, and a product at an address."""
    product = {"name": "Bag", "description": "a bag", "references": [ADDRESS]}
    brand = {**BRAND, "logo": "logo.png", "products": {"bag": product}}
    item = {**shot("kitchen"), "products": ["bag"]}
    folder = write_briefs(tmp_path / "briefs", campaign(item), brand=brand)
    (folder / "brands" / "logo.png").write_bytes(LOCAL)
    return load_briefs(folder)


def script(*steps: Step) -> OxenClient:
    """A client that fetches from public addresses, and gets what is scripted."""
    return OxenClient(
        "https://hub.test",
        api_key="key",
        transport=ScriptedTransport(steps),
        clock=FakeClock(),
        retry=RetryPolicy(attempts=2),
        jitter=lambda: 0.0,
        resolver=lambda host, port: ("93.184.216.34",),
    )


def connect(url: str) -> OxenClient:
    return OxenClient(
        url, api_key="key", transport=RequestsTransport(), clock=FakeClock(), retry=RetryPolicy()
    )


def picture(body: bytes) -> HttpResponse:
    return HttpResponse(status=200, headers={"content-length": str(len(body))}, body=body)


def open_references(
    briefs: Briefs,
    home: Path,
    *,
    client: OxenClient,
    service: OxenClient | None = None,
    sending: DeliveryOptions | None = None,
) -> ReferenceFiles:
    delivery = (sending or DeliveryOptions()).create_delivery(
        service or client, notes=DocumentFolder(home / "uploads", suffix=""), clock=FakeClock()
    )
    return ReferenceFiles(
        briefs, client=client, store=FolderStore(home / "store"), delivery=delivery
    )


def request_for(briefs: Briefs, references: ReferenceFiles) -> ImageRequest:
    """What a prompt with the product, the logo and the palette would send."""
    sources = [image.source for image in campaign_images(briefs, "winter")]
    digests = references.digests(sources)
    chosen = [
        Reference("product", "bag", ADDRESS, digests[ADDRESS]),
        Reference("logo", "hilltop", "brands/logo.png", digests["brands/logo.png"]),
        palette_reference(briefs.brands["hilltop"]),
    ]
    return ImageRequest("k", "oxen", "m", "p", {}, tuple(chosen), 1, "2")


def bytes_of(sent: str) -> bytes:
    return base64.b64decode(sent.partition(";base64,")[2])


def test_by_itself_an_address_stays_and_files_go_within_the_request(
    briefs: Briefs, home: Path
) -> None:
    references = open_references(briefs, home, client=script(picture(REMOTE)))

    address, logo, card = references.input_image(request_for(briefs, references))

    assert address == ADDRESS
    assert logo.startswith("data:image/png;base64,")
    assert bytes_of(logo) == LOCAL
    assert bytes_of(card) == draw_palette_card(list(BRAND["palette"].values()))


def test_inline_sends_the_very_bytes_that_were_fingerprinted(briefs: Briefs, home: Path) -> None:
    """A URL may show something else tomorrow; here the service fetches no URL itself."""
    references = open_references(
        briefs, home, client=script(picture(REMOTE)), sending=DeliveryOptions("inline")
    )

    sent = references.input_image(request_for(briefs, references))

    assert [bytes_of(one) for one in sent[:2]] == [REMOTE, LOCAL]
    assert sent[0].startswith("data:image/jpeg;base64,")


def test_each_image_is_uploaded_once_for_all_requests_and_opened_by_a_signed_link(
    briefs: Briefs, home: Path, simulator: SimulatorServer
) -> None:
    service = connect(simulator.url)
    sending = DeliveryOptions("upload", REPOSITORY)
    sent: list[Sequence[str]] = []
    for _ in range(2):
        references = open_references(
            briefs, home, client=script(picture(REMOTE)), service=service, sending=sending
        )
        request = request_for(briefs, references)
        sent += [references.input_image(request), references.input_image(request)]

    puts = [
        entry
        for entry in ServiceProbe(simulator.url).requests("/file/")
        if entry["method"] == "PUT"
    ]
    assert len(puts) == 3
    assert sent[0] == sent[1]
    for url, data in zip(sent[0], (REMOTE, LOCAL), strict=False):
        assert f"/references/{hashlib.sha256(data).hexdigest()}." in url
        assert service.download(url) == data
    repository = service.get_repository(REPOSITORY)
    assert repository is not None


def test_a_repository_leaves_addresses_as_they_are_unless_told_to_upload_all(
    briefs: Briefs, home: Path, simulator: SimulatorServer
) -> None:
    references = open_references(
        briefs,
        home,
        client=script(picture(REMOTE)),
        service=connect(simulator.url),
        sending=DeliveryOptions("auto", REPOSITORY),
    )

    address, logo, _ = references.input_image(request_for(briefs, references))

    assert address == ADDRESS
    assert logo.startswith(f"{simulator.url}/api/repos/{REPOSITORY}/file/main/references/")


def test_a_link_is_signed_anew_before_it_ends_without_another_upload(
    home: Path, simulator: SimulatorServer
) -> None:
    clock = FakeClock()
    upload = DeliveryOptions("upload", REPOSITORY).create_delivery(
        connect(simulator.url), notes=DocumentFolder(home / "uploads", suffix=""), clock=clock
    )
    logo = Reference("logo", "b", "brands/logo.png", "d1")
    reads: list[int] = []

    def read() -> bytes:
        reads.append(1)
        return LOCAL

    upload.deliver(logo, read)
    clock.sleep(LINK_SECONDS - 1)
    upload.deliver(logo, read)
    assert len(reads) == 1
    clock.sleep(2)
    upload.deliver(logo, read)

    probe = ServiceProbe(simulator.url)
    assert len(reads) == 2
    assert len(probe.requests("/presigned_url/")) == 2
    assert [e["method"] for e in probe.requests(f"{REPOSITORY}/file/main/")].count("PUT") == 1


def test_what_was_removed_from_the_repository_is_uploaded_again(
    home: Path, simulator: SimulatorServer
) -> None:
    """The note of an upload is a help, not a truth."""
    sending, logo = (
        DeliveryOptions("upload", REPOSITORY),
        Reference("logo", "b", "brands/logo.png", "d1"),
    )
    with_notes = connect(simulator.url)
    delivery = sending.create_delivery(
        with_notes, notes=DocumentFolder(home / "uploads", suffix=""), clock=FakeClock()
    )
    delivery.deliver(logo, lambda: LOCAL)
    [folder] = (home / "uploads").iterdir()
    (folder / hashlib.sha256(REMOTE).hexdigest()).write_text("references/x.jpeg\n")

    sent = sending.create_delivery(
        with_notes, notes=DocumentFolder(home / "uploads", suffix=""), clock=FakeClock()
    ).deliver(replace(logo, digest="d2"), lambda: REMOTE)

    assert with_notes.download(sent) == REMOTE


def test_each_way_has_its_limit_of_bytes() -> None:
    upload = DeliveryOptions("upload", REPOSITORY).create_delivery(
        script(), notes=DocumentFolder(Path("unused")), clock=FakeClock()
    )
    for delivery, most in ((InlineDelivery(), MAX_INLINE_BYTES), (upload, MAX_UPLOAD_BYTES)):
        assert delivery.find_fault("brands/a.png", most) is None
        fault = delivery.find_fault("brands/a.png", most + 1)
        assert fault is not None
        assert fault.startswith(f"{most + 1} bytes; accepted: at most {most} ")
    beside = PassThroughUrl(InlineDelivery())
    assert beside.find_fault(ADDRESS, MAX_INLINE_BYTES + 1) is None
    assert beside.find_fault("sheet:b/c", MAX_INLINE_BYTES + 1) is not None


def test_uploading_needs_to_know_where_to() -> None:
    with pytest.raises(NoUploadTarget, match="NBP_REFERENCES_REPOSITORY"):
        DeliveryOptions("upload").create_delivery(
            script(), notes=DocumentFolder(Path("unused")), clock=FakeClock()
        )


def test_a_generated_sheet_too_large_to_be_sent_stops_its_prompts_before_they_are_bought(
    briefs: Briefs, home: Path
) -> None:
    references = open_references(briefs, home, client=script())
    heavy = FolderStore(home / "store").put(LOCAL + bytes(MAX_INLINE_BYTES))
    sheet = Reference("identity", "ada", "sheet:hilltop/ada", heavy)

    with pytest.raises(UnusableReference, match="k: sheet:hilltop/ada: 12"):
        references.require_sendable(ImageRequest("k", "oxen", "m", "p", {}, (sheet,), 1, "2"))


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (picture(broken_pictures()["12000x12000 png"]()), "12000x12000 pixels; accepted: at most"),
        (picture(broken_pictures()["animated webp"]()), "5 frames; accepted: one still picture"),
        (picture(broken_pictures()["svg"]()), "nothing can be seen"),
        (picture(broken_pictures()["truncated jpeg"]()), "a damaged or truncated JPEG"),
        (
            HttpResponse(status=200, headers={"content-length": "9999999999"}, body=b""),
            "the file has 9999999999 bytes, the limit is 67108864",
        ),
        (HttpResponse(status=404, headers={}, body=b"gone"), "404"),
        (
            HttpResponse(status=302, headers={"location": "https://169.254.169.254/x"}, body=b""),
            "not a public address",
        ),
        (
            HttpResponse(status=302, headers={"location": "http://cdn.test/x"}, body=b""),
            "not https",
        ),
    ],
)
def test_an_address_that_brings_no_usable_picture_is_one_line_with_its_place(
    briefs: Briefs, home: Path, answer: HttpResponse, says: str
) -> None:
    references = open_references(
        briefs,
        home,
        client=OxenClient(
            "https://hub.test",
            api_key="key",
            transport=ScriptedTransport([answer]),
            clock=FakeClock(),
            retry=RetryPolicy(attempts=1),
            resolver=lambda host, port: ("169.254.169.254" if host[0] == "1" else "93.184.216.34",),
        ),
    )

    with pytest.raises(BriefError) as caught:
        references.require(campaign_images(briefs, "winter"))

    [problem] = caught.value.problems
    assert str(problem).startswith("brands/hilltop.yaml:")
    assert "products.bag.references[0]: 'https://cdn.test/bag.jpg?...' - " in str(problem)
    assert says in problem.message
    assert "s3cret" not in str(caught.value)
    # Asked once: what was wrong with it is remembered for every prompt that needs it.
    with pytest.raises(NbpError):
        references.digests([ADDRESS])


def test_a_file_that_changed_after_the_briefs_were_read_is_not_sent(
    briefs: Briefs, home: Path
) -> None:
    references = open_references(briefs, home, client=script(picture(REMOTE)))
    request = request_for(briefs, references)
    (briefs.root / "brands" / "logo.png").write_bytes(encode(draw_scene(20, 20)))

    with pytest.raises(UnusableReference, match="changed after the run began"):
        references.input_image(request)


@pytest.mark.parametrize("count", [1, 3, 6, 7, 13])
def test_the_card_shows_each_colour_as_one_flat_field(count: int) -> None:
    colours = [f"#{40 + 15 * n:02X}{200 - 9 * n:02X}{(n * 53) % 256:02X}" for n in range(count)]

    card = Image.open(io.BytesIO(draw_palette_card(colours)))

    assert card.size == (CARD_WIDTH, CARD_HEIGHT)
    assert card.mode == "RGB"
    seen = card.getcolors(maxcolors=64) or []
    assert {f"#{r:02X}{g:02X}{b:02X}" for _, (r, g, b) in seen} == set(colours)
    share = CARD_WIDTH * CARD_HEIGHT / count
    assert all(share * 0.4 < pixels < share * 7 for pixels, _ in seen)


@pytest.mark.parametrize(
    ("kind", "sent_kind"), [("JPEG", "JPEG"), ("PNG", "PNG"), ("WEBP", "JPEG")]
)
def test_a_turned_photograph_is_sent_upright(
    tmp_path: Path, home: Path, kind: str, sent_kind: str
) -> None:
    turned = Image.Exif()
    turned[ExifTags.Base.Orientation] = 6  # the camera was held upright
    data = encode(draw_scene(90, 60), kind, exif=turned.tobytes())
    folder = write_briefs(
        tmp_path / "briefs", campaign(shot("kitchen")), brand={**BRAND, "logo": "logo.png"}
    )
    (folder / "brands" / "logo.png").write_bytes(data)
    references = open_references(load_briefs(folder), home, client=script())
    digest = references.digests(["brands/logo.png"])["brands/logo.png"]

    with Image.open(io.BytesIO(references.read("brands/logo.png", digest))) as sent:
        assert (sent.format, sent.size) == (sent_kind, (60, 90))
        assert not sent.getexif()


def test_a_photograph_of_48_megapixels_is_sent_smaller(tmp_path: Path, home: Path) -> None:
    photograph = draw_scene(252, 189).resize((8064, 6048))
    folder = write_briefs(
        tmp_path / "briefs", campaign(shot("kitchen")), brand={**BRAND, "logo": "logo.jpg"}
    )
    (folder / "brands" / "logo.jpg").write_bytes(encode(photograph, "JPEG"))
    briefs = load_briefs(folder)

    check_files(briefs)
    references = open_references(briefs, home, client=script())
    digest = references.digests(["brands/logo.jpg"])["brands/logo.jpg"]

    with Image.open(io.BytesIO(references.read("brands/logo.jpg", digest))) as sent:
        assert sent.size == (3072, 2304)
