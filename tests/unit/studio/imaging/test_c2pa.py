"""What a signed file says, what is refused, and that no word of the key gets out."""

import io
import json
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from PIL import Image

from nbp_dagster.studio.imaging.c2pa import (
    Credentials,
    Edits,
    SigningError,
    read_credentials,
    read_state,
)
from nbp_dagster.studio.imaging.encode import (
    Encoded,
    FileType,
    encode_picture,
    encode_signed,
    srgb_profile,
)
from nbp_dagster.studio.imaging.xmp import Marks, build_xmp, read_marks
from tests.rigs.certificates import Papers, PrivateKey, issue_papers
from tests.rigs.pictures import draw_noise, draw_scene, encode

c2pa = pytest.importorskip("c2pa", reason="the extra c2pa is not installed")

PAPERS = issue_papers()
MARKS = Marks(
    simulated=False,
    composited=True,
    model="google-nano-banana-pro",
    generation_id="gen_1",
    brand="hilltop",
    campaign="winter",
    prompt_key="winter/kitchen/en/1x1/v1",
    fingerprint="ab" * 32,
)
ORIGINAL = encode(draw_scene(256, 256))
SOURCES = "http://cv.iptc.org/newscodes/digitalsourcetype/"


def load(papers: Papers = PAPERS) -> Credentials:
    found = Credentials.load(key=papers.key, certificate=papers.chain)
    assert found is not None
    return found


def read(data: bytes, *, root: str = PAPERS.root) -> tuple[str, dict[str, object]]:
    """What c2pa itself says of a file, to somebody who trusts our root."""
    kind = f"image/{Image.open(io.BytesIO(data)).format.lower()}"  # type: ignore[union-attr]
    trust = {"trust": {"trust_anchors": root}}
    with (
        c2pa.Context.from_dict(trust) as context,
        c2pa.Reader(kind, io.BytesIO(data), context=context) as reader,
    ):
        return str(reader.get_validation_state()), json.loads(reader.json())


def read_detailed(data: bytes) -> tuple[str, dict[str, Any]]:
    """The same with every claim and assertion as it is written."""
    state, _ = read(data)
    kind = f"image/{Image.open(io.BytesIO(data)).format.lower()}"  # type: ignore[union-attr]
    with c2pa.Reader(kind, io.BytesIO(data)) as reader:
        return state, json.loads(reader.detailed_json())


def actions(manifest: dict[str, object]) -> list[dict[str, object]]:
    [found] = [a for a in manifest["assertions"] if a["label"] == "c2pa.actions.v2"]  # type: ignore[attr-defined]
    return list(found["data"]["actions"])


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_a_signed_file_is_trusted_and_names_its_parent(kind: str) -> None:
    credentials = load()
    plain = encode(draw_scene(128, 128), kind)

    signed = credentials.sign(plain, MARKS, credentials.prepare_parent(ORIGINAL, MARKS))

    state, store = read(signed)
    assert state == "Trusted"
    manifests: dict[str, dict[str, object]] = store["manifests"]  # type: ignore[assignment]
    active = manifests[str(store["active_manifest"])]
    [parent] = active["ingredients"]  # type: ignore[misc]
    assert parent["relationship"] == "parentOf"
    assert [a["action"] for a in actions(active)] == [
        "c2pa.opened",
        "c2pa.resized.proportional",
        "c2pa.addedText",
    ]
    assert actions(active)[-1]["digitalSourceType"] == (
        f"{SOURCES}compositeWithTrainedAlgorithmicMedia"
    )
    [made] = actions(manifests[parent["active_manifest"]])
    assert made["action"] == "c2pa.created"
    assert made["digitalSourceType"] == f"{SOURCES}trainedAlgorithmicMedia"
    assert made["softwareAgent"] == {"name": "google-nano-banana-pro"}
    assert "thumbnail" not in json.dumps(store)
    assert len(signed) - len(plain) < 10_500
    with Image.open(io.BytesIO(signed)) as opened, Image.open(io.BytesIO(plain)) as before:
        assert opened.tobytes() == before.tobytes()


def test_no_model_is_disclosed_of_what_the_simulator_drew() -> None:
    credentials, marks = load(), replace(MARKS, simulated=True)
    parent = credentials.prepare_parent(ORIGINAL, marks)

    signed = credentials.sign(encode(draw_scene(96, 96), "PNG"), marks, parent)

    assert b"c2pa.ai-disclosure" not in signed


# Actions whose result looks as before: these need no source type. All others do.
UNSEEN = {"c2pa.opened", "c2pa.resized.proportional"}
EDITS = (
    Edits(),
    Edits(is_cropped=True),
    Edits(is_composed=True),
    Edits(is_cropped=True, is_composed=True),
)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF"])
@pytest.mark.parametrize("is_light", [False, True])
@pytest.mark.parametrize("edits", EDITS)
@pytest.mark.parametrize("composited", [False, True])
def test_every_mandatory_rule_of_the_asset_rubrics_holds(
    kind: str, is_light: bool, edits: Edits, composited: bool
) -> None:
    """Asset Rubrics 1.0 of the C2PA Conformance Program, over what C2PA itself reads."""
    credentials, marks = load(), replace(MARKS, composited=composited)
    parent = credentials.prepare_parent(ORIGINAL, marks)

    data = encode(draw_scene(96, 96), kind)
    signed = credentials.sign(data, marks, parent, edits=edits, is_light=is_light)

    state, store = read_detailed(signed)
    assert state == "Trusted"
    manifests = store["manifests"]
    assert len(manifests) == (1 if is_light else 2)
    for name, manifest in manifests.items():
        claim, assertions = manifest["claim"], manifest["assertion_store"]
        info = claim["claim_generator_info"]
        assert info["name"]
        assert re.fullmatch(r"\d+\.\d+\.\d+", info["specVersion"])
        assert claim["claim_version"] == 2
        [content] = [value for key, value in assertions.items() if key == "c2pa.actions.v2"]
        assert content["allActionsIncluded"] is True
        first, *others = content["actions"]
        assert first["action"] in ("c2pa.created", "c2pa.opened")
        assert ("digitalSourceType" in first) == (first["action"] == "c2pa.created")
        assert not {"c2pa.created", "c2pa.opened"} & {item["action"] for item in others}
        for action in others:
            assert ("digitalSourceType" in action) == (action["action"] not in UNSEEN), action
            assert action.get("digitalSourceType", SOURCES).startswith(SOURCES)
        assert assertions["c2pa.ai-disclosure"] == {
            "modelType": "c2pa.types.model",
            "modelName": marks.model,
            "contentProfile": {"humanOversightLevel": "prompt_guided"},
        }
        created = [item["url"] for item in claim["created_assertions"]]
        assert any(url.endswith("c2pa.ai-disclosure") for url in created)
        if name != store["active_manifest"]:
            continue
        done = {item["action"] for item in others}
        assert ("c2pa.cropped" in done) == edits.is_cropped
        assert ("c2pa.edited" in done) == edits.is_composed
        assert ("c2pa.addedText" in done) == composited
        ingredient = assertions["c2pa.ingredient.v3"]
        assert ingredient["relationship"] == "parentOf"
        assert ("validationResults" in ingredient) == (not is_light)


def test_credentials_of_the_provider_are_the_parent_as_they_came() -> None:
    provider = issue_papers()
    theirs = load(provider)
    original = theirs.sign(ORIGINAL, MARKS, theirs.prepare_parent(ORIGINAL, MARKS))

    parent = load().prepare_parent(original, MARKS)

    assert parent.data == original
    _, store = read(load().sign(encode(draw_scene(64, 64)), MARKS, parent))
    # The rendition's, the provider's, and what the provider named as its parent.
    assert len(store["manifests"]) == 3  # type: ignore[arg-type]


def test_whether_the_providers_credentials_hold_is_told() -> None:
    theirs, ours = load(issue_papers()), load()
    original = theirs.sign(ORIGINAL, MARKS, theirs.prepare_parent(ORIGINAL, MARKS))
    spoilt = bytes([*original[:-40], original[-40] ^ 1, *original[-39:]])
    told = []
    for data in (original, spoilt):
        signed = ours.sign(encode(draw_scene(64, 64)), MARKS, ours.prepare_parent(data, MARKS))
        found = read_credentials(signed)
        assert found.fault is None, "ours hold whatever theirs are"
        told.append(found.of_parent)
    assert told[0].startswith("Valid, by ")
    assert told[1].startswith("Invalid: assertion.dataHash.mismatch, by ")


def write_noise(side: int) -> Callable[[int], Encoded | None]:
    """A picture that is heavy at any quality, as JPEG."""
    noise, icc = draw_noise(side, side), srgb_profile()
    return lambda room: encode_picture(noise, file_type="jpeg", max_bytes=room, icc=icc, xmp=None)


def test_the_parent_s_credentials_are_kept_at_the_price_of_quality() -> None:
    credentials = load()
    parent = credentials.prepare_parent(ORIGINAL, MARKS)
    encode_in = write_noise(128)
    limit = 2 * parent.weight
    plain = encode_in(limit)
    assert plain is not None
    assert len(plain.data) + parent.weight > limit, "the picture alone must need most of it"

    ways = credentials.list_ways(MARKS, parent, max_bytes=limit)
    found = encode_signed(encode_in, max_bytes=limit, ways=ways)

    assert found is not None
    assert len(found.data) <= limit
    assert read_credentials(found.data).lacks_parents is False
    assert found.settings != plain.settings, "less quality"
    _, store = read(found.data)
    assert len(store["manifests"]) == 2  # type: ignore[arg-type]


@pytest.mark.parametrize("share", [1.1, 0.9])
def test_a_parent_that_leaves_no_room_for_the_picture_is_named_by_its_digest(share: float) -> None:
    credentials = load()
    parent = credentials.prepare_parent(ORIGINAL, MARKS)
    limit = round(share * parent.weight)

    ways = credentials.list_ways(MARKS, parent, max_bytes=limit)
    found = encode_signed(write_noise(64), max_bytes=limit, ways=ways)

    assert found is not None
    assert len(found.data) <= limit
    assert read_credentials(found.data).lacks_parents is True
    state, store = read(found.data)
    [active] = store["manifests"].values()  # type: ignore[attr-defined]
    assert state == "Trusted"
    assert active["ingredients"][0]["instance_id"] == f"sha256:{parent.digest}"


def test_one_changed_byte_shows() -> None:
    credentials = load()
    plain = encode(draw_scene(64, 64))
    signed = bytearray(credentials.sign(plain, MARKS, credentials.prepare_parent(ORIGINAL, MARKS)))
    signed[-40] ^= 1

    found = read_credentials(bytes(signed))

    assert found.state.startswith("Invalid: assertion.dataHash.mismatch")
    assert found.fault == f"its content credentials: {found.state}"
    assert read_credentials(plain).fault == "it has no content credentials"


@pytest.mark.parametrize(
    "make",
    [
        lambda: ec.generate_private_key(ec.SECP256R1()),
        lambda: ec.generate_private_key(ec.SECP384R1()),
        lambda: ec.generate_private_key(ec.SECP521R1()),
        lambda: rsa.generate_private_key(65537, 2048),
        ed25519.Ed25519PrivateKey.generate,
    ],
    ids=["P-256", "P-384", "P-521", "RSA", "Ed25519"],
)
def test_every_kind_of_key_that_c2pa_knows_signs(make: Callable[[], PrivateKey]) -> None:
    credentials = load(issue_papers(key=make()))
    signed = credentials.sign(ORIGINAL, MARKS, credentials.prepare_parent(ORIGINAL, MARKS))
    assert read_state(signed) == "Valid"


@pytest.mark.parametrize("file_type", ["webp", "avif"])
def test_xmp_is_still_read_from_a_signed_file(file_type: FileType) -> None:
    credentials = load()
    encoded = encode_picture(
        draw_scene(64, 64),
        file_type=file_type,
        max_bytes=100_000,
        icc=srgb_profile(),
        xmp=build_xmp(MARKS),
    )
    assert encoded is not None
    signed = credentials.sign(encoded.data, MARKS, credentials.prepare_parent(ORIGINAL, MARKS))
    assert read_marks(signed) == MARKS.facts()
    assert read_state(signed) == "Valid"


def test_the_heaviest_picture_a_channel_takes_is_written_with_its_credentials() -> None:
    credentials = load()
    parent = credentials.prepare_parent(ORIGINAL, MARKS)
    noise = draw_noise(300, 250)

    def encode_in(room: int) -> Encoded | None:
        return encode_picture(noise, file_type="jpeg", max_bytes=room, icc=srgb_profile(), xmp=None)

    def sign(data: bytes) -> bytes:
        return credentials.sign(data, MARKS, parent)

    limit = 60_000
    found = encode_signed(encode_in, max_bytes=limit, ways=[sign])

    plain = encode_in(limit)
    assert found is not None
    assert plain is not None
    assert limit - 4000 < len(found.data) <= limit
    assert len(sign(plain.data)) > limit, "it would have fitted without any room for credentials"
    assert read_state(found.data) == "Valid"
    assert encode_signed(encode_in, max_bytes=6_000, ways=[sign]) is None


# Settings


def test_nothing_is_signed_where_nothing_is_set() -> None:
    assert Credentials.load(key="", certificate="") is None


def test_key_and_certificate_may_be_files_or_text(tmp_path: Path) -> None:
    folder = tmp_path
    (folder / "key.pem").write_text(PAPERS.key)
    (folder / "chain.pem").write_text(PAPERS.chain)
    by_path = Credentials.load(key=str(folder / "key.pem"), certificate=str(folder / "chain.pem"))
    one_line = Credentials.load(key=PAPERS.key.replace("\n", "\\n"), certificate=PAPERS.chain)
    assert by_path == one_line == load()
    assert load().identity != load(issue_papers()).identity


BARE = "".join(PAPERS.key.splitlines()[1:-1])


@pytest.mark.parametrize(
    ("key", "chain", "words"),
    [
        (PAPERS.key, "", "NBP_C2PA_KEY is set and NBP_C2PA_CERT is not"),
        ("", PAPERS.chain, "NBP_C2PA_CERT is set and NBP_C2PA_KEY is not"),
        (BARE, PAPERS.chain, "NBP_C2PA_KEY is neither PEM text nor the path of a file"),
        (PAPERS.key[:120], PAPERS.chain, "NBP_C2PA_KEY has no whole PEM block"),
        (PAPERS.key, "nowhere.pem", "NBP_C2PA_CERT is neither PEM text nor the path of a file"),
        (PAPERS.key.replace("PRIVATE", "EC PRIVATE"), PAPERS.chain, "openssl pkcs8 -topk8"),
        (PAPERS.chain, PAPERS.chain, "holds a PEM block 'CERTIFICATE'"),
        (PAPERS.key.replace(BARE[:32], "A" * 32), PAPERS.chain, "of a kind C2PA does not know"),
        (PAPERS.key.replace(BARE[-40:], "A" * 40), PAPERS.chain, "cannot sign"),
        (issue_papers().key, PAPERS.chain, "cannot sign content credentials"),
        (PAPERS.key, issue_papers().chain, "cannot sign content credentials"),
        (PAPERS.key, PAPERS.root, "cannot sign content credentials"),
    ],
)
def test_what_can_not_sign_is_one_line_without_the_key(key: str, chain: str, words: str) -> None:
    with pytest.raises(SigningError) as caught:
        Credentials.load(key=key, certificate=chain)

    text = str(caught.value)
    assert words in text
    assert "\n" not in text
    assert caught.value.__cause__ is None
    assert not any(line in text for line in key.split() if len(line) > 20)
    assert BARE[:20] not in text


def test_a_certificate_that_has_run_out_is_told_at_once() -> None:
    papers = issue_papers(days=-1)
    with pytest.raises(SigningError, match="not expired"):
        load(papers)


def test_neither_key_nor_original_is_in_what_python_prints() -> None:
    credentials = load()
    parent = credentials.prepare_parent(ORIGINAL, MARKS)
    assert BARE[:20] not in repr(credentials) + str(vars(parent).keys()) + repr(parent)


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "c2pa", None)
    with pytest.raises(SigningError, match=r"nbp-dagster\[c2pa\]"):
        load()
