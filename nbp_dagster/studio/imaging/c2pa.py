"""Signs C2PA content credentials, assertions of origin, into a rendition's file and validates them.

The private key stays inside this module: no error, record or log has any of it.
"""

import base64
import binascii
import hashlib
import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Final

from PIL import Image

from nbp_dagster.errors import NbpError
from nbp_dagster.studio.imaging.decode import sniff_format
from nbp_dagster.studio.imaging.encode import Ways
from nbp_dagster.studio.imaging.xmp import Marks
from nbp_dagster.version import __version__

# Raised when equal pictures would be signed otherwise.
SIGNING_VERSION: Final = "4"
# Whose claims the pinned c2pa library writes: it stamps this into ingredients it validated, too.
_SPECIFICATION: Final = "2.4.0"

_PEM: Final = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END \1-----", re.DOTALL)
# Object identifiers, as DER, in the head of a PKCS#8 key -> what C2PA calls their signatures.
_ALGORITHMS: Final = (
    (bytes.fromhex("2a8648ce3d030107"), "es256"),  # P-256
    (bytes.fromhex("2b81040022"), "es384"),  # P-384
    (bytes.fromhex("2b81040023"), "es512"),  # P-521
    (bytes.fromhex("2a864886f70d010101"), "ps256"),  # RSA
    (bytes.fromhex("2b6570"), "ed25519"),
)
_HEAD: Final = 40  # bytes that hold a key's algorithm
# A thumbnail of each picture would add up to a megabyte; nothing is fetched while reading.
_OPTIONS: Final[Mapping[str, Any]] = {
    "builder": {"thumbnail": {"enabled": False}},
    "verify": {"remote_manifest_fetch": False},
}
_NO_CREDENTIALS: Final = "none"
_SOUND: Final = ("Valid", "Trusted")
_GENERATOR: Final = {
    "name": "nbp_dagster",
    "version": __version__,
    "specVersion": _SPECIFICATION,
}
_PARENT: Final = "original"
_PARENT_FACTS: Final = {"title": _PARENT, "label": _PARENT, "relationship": "parentOf"}
_CONVERT: Final = "convert it: openssl pkcs8 -topk8 -nocrypt"


class SigningError(NbpError):
    """Content credentials can't be signed with what is configured."""


@dataclass(frozen=True)
class Parent:
    """The parent ingredient of a rendition: its original, with credentials.

    Attributes:
        data: The file.
        format: Its MIME type.
        digest: Of the original as the service sent it, hex.
        weight: Bytes that its credentials add to a rendition's.
    """

    data: bytes = field(repr=False)
    format: str
    digest: str
    weight: int = 0


@dataclass(frozen=True)
class Edits:
    """What was done to an original to make a rendition, besides scaling it.

    Attributes:
        is_cropped: A part of it is left out.
        is_composed: A ground, a panel or a logo stands beside or on it.
    """

    is_cropped: bool = False
    is_composed: bool = False


NOTHING_DONE: Final = Edits()


@dataclass(frozen=True)
class Credentials:
    """A key and its certificate, able to sign.

    Attributes:
        certificate: PEM, the signer's first, then its issuers'.
    """

    certificate: str
    _key: str = field(repr=False)
    _algorithm: str

    @classmethod
    def load(cls, *, key: str, certificate: str) -> "Credentials | None":
        """Read what the settings name and sign a trial picture with it; None where both are empty.

        Args:
            key: PKCS#8 PEM of the private key, or the path of a file with it.
            certificate: PEM of the certificate and its issuers, or the path of a file with it.

        Raises:
            SigningError: One of them is missing or unfit, they do not belong together, or the
                extra `c2pa` is not installed.
        """
        if not key and not certificate:
            return None
        if not key or not certificate:
            there, missing = ("NBP_C2PA_KEY", "NBP_C2PA_CERT")[:: 1 if key else -1]
            raise SigningError(f"{there} is set and {missing} is not; set both, or neither")
        text = _read_pem(key, name="NBP_C2PA_KEY")
        chain = _read_pem(certificate, name="NBP_C2PA_CERT")
        found = cls(certificate=chain, _key=text, _algorithm=_find_algorithm(text))
        found._sign_trial()
        return found

    @cached_property
    def identity(self) -> str:
        """Digest of the certificate, hex: what is signed by another is another file."""
        return hashlib.sha256(self.certificate.encode()).hexdigest()

    def prepare_parent(self, original: bytes, marks: Marks) -> Parent:
        """Return an original as the parent ingredient of its renditions.

        One with credentials of its provider's is taken as it is. Otherwise a copy is signed as
        made by the model; the bytes in the store stay what the service sent.

        Raises:
            SigningError: It can't be signed.
        """
        digest = hashlib.sha256(original).hexdigest()
        if read_state(original) != _NO_CREDENTIALS:
            return self._weigh(Parent(original, _mime(original), digest), marks)
        created = {
            "action": "c2pa.created",
            "digitalSourceType": marks.original_source_type,
            "softwareAgent": {"name": marks.model},
        }
        manifest = _manifest([created], marks, title=f"original of {marks.prompt_key}")
        return self._weigh(Parent(self._sign(original, manifest), _mime(original), digest), marks)

    def sign(
        self,
        data: bytes,
        marks: Marks,
        parent: Parent,
        *,
        edits: Edits = NOTHING_DONE,
        is_light: bool = False,
    ) -> bytes:
        """Return a rendition's file with its credentials in it, verified.

        Args:
            data: The file without.
            marks: Its origin.
            parent: Its original.
            edits: What was done to the original.
            is_light: Leaves the parent's credentials out; it is named by its digest alone.

        Raises:
            SigningError: It can't be signed, or what was signed does not hold.
        """
        manifest = _manifest(_list_actions(marks, edits), marks)
        if is_light:
            named = {**_PARENT_FACTS, "format": parent.format}
            ingredients = [{**named, "instance_id": f"sha256:{parent.digest}"}]
            return self._sign(data, {**manifest, "ingredients": ingredients})
        return self._sign(data, manifest, parent)

    def list_ways(
        self, marks: Marks, parent: Parent, edits: Edits = NOTHING_DONE, *, max_bytes: int
    ) -> Ways:
        """Return how a rendition may be signed, for `encode_signed`: with its parent's first.

        They say who made the picture, and a file that lost them never gets them back; quality costs
        some bytes only.
        """
        whole, light = (
            partial(self.sign, marks=marks, parent=parent, edits=edits, is_light=is_light)
            for is_light in (False, True)
        )
        return (whole, light) if parent.weight < max_bytes else (light,)

    def _weigh(self, parent: Parent, marks: Marks) -> Parent:
        trial = _trial()
        return replace(parent, weight=len(self.sign(trial, marks, parent)) - len(trial))

    def _sign(
        self, data: bytes, manifest: Mapping[str, Any], parent: Parent | None = None
    ) -> bytes:
        c2pa = _import_c2pa()
        out = io.BytesIO()
        # ta_url None: no time stamp is fetched. An empty one is an error inside the library.
        given = (self._algorithm.encode(), self.certificate.encode(), self._key.encode(), None)
        try:
            with (
                c2pa.Context.from_dict(dict(_OPTIONS)) as context,
                c2pa.Signer.from_info(c2pa.C2paSignerInfo(*given)) as signer,
                c2pa.Builder(dict(manifest), context) as builder,
            ):
                if parent is not None:
                    facts, stream = json.dumps(_PARENT_FACTS), io.BytesIO(parent.data)
                    builder.add_ingredient(facts, parent.format, stream)
                builder.sign(signer, _mime(data), io.BytesIO(data), out)
        except c2pa.C2paError as error:
            raise SigningError(
                f"cannot sign content credentials: {self._redact(error)}; check NBP_C2PA_KEY and "
                "NBP_C2PA_CERT: a leaf certificate with its issuers, not expired, with key usage "
                "digitalSignature and extended usage emailProtection, and its own key"
            ) from None
        signed = out.getvalue()
        state = read_state(signed)
        if state not in _SOUND:
            raise SigningError(f"content credentials do not hold after signing: {state}")
        return signed

    def _redact(self, error: Exception) -> str:
        """Return an error's text, or only its class where a line of the key is in it."""
        words = " ".join(str(error).split())
        parts = [line for line in self._key.split() if len(line) > 8]
        return type(error).__name__ if any(part in words for part in parts) else words[:300]

    def _sign_trial(self) -> None:
        action = {"action": "c2pa.created", "digitalSourceType": "algorithmicMedia"}
        manifest = {"claim_generator_info": [_GENERATOR], "assertions": [_actions([action])]}
        self._sign(_trial(), manifest)


@dataclass(frozen=True)
class FoundCredentials:
    """What a file's content credentials are.

    Attributes:
        state: "none", "Trusted", "Valid" (sound, by a signer that is on no trust list here), or
            what is wrong, such as "Invalid: assertion.dataHash.mismatch".
        lacks_parents: Whether they name a picture that it was made from without its credentials.
        of_parent: What validating those gave when the file was signed, and who signed them, such as
            "Valid, by Google LLC"; empty where there are none.
    """

    state: str
    lacks_parents: bool = False
    of_parent: str = ""

    @property
    def fault(self) -> str | None:
        """What is wrong with them, if anything."""
        if self.state in _SOUND:
            return None
        if self.state == _NO_CREDENTIALS:
            return "it has no content credentials"
        return f"its content credentials: {self.state}"


def read_credentials(data: bytes) -> FoundCredentials:
    """Return a file's content credentials, validated.

    Raises:
        SigningError: The extra `c2pa` is not installed.
    """
    c2pa = _import_c2pa()
    try:
        with (
            c2pa.Context.from_dict(dict(_OPTIONS)) as context,
            c2pa.Reader(_mime(data), io.BytesIO(data), context=context) as reader,
        ):
            state = str(reader.get_validation_state())
            parents = (reader.get_active_manifest() or {}).get("ingredients", [])
            return FoundCredentials(
                state
                if state in _SOUND
                else f"{state}: {_failures(reader.get_validation_results()) or 'no reason given'}",
                lacks_parents=any("active_manifest" not in parent for parent in parents),
                of_parent=_describe_parent(reader, parents),
            )
    except c2pa.C2paError.ManifestNotFound:
        return FoundCredentials(_NO_CREDENTIALS)
    except c2pa.C2paError as error:
        return FoundCredentials(f"Invalid: {' '.join(str(error).split())[:200]}")


def read_state(data: bytes) -> str:
    """Return the validation state of a file's credentials, as `FoundCredentials` names it.

    Raises:
        SigningError: The extra `c2pa` is not installed.
    """
    return read_credentials(data).state


def _failures(results: Mapping[str, Any] | None) -> str:
    """Return what failed of the active manifest, but for a signer that nobody here knows."""
    failures = (results or {}).get("activeManifest", {}).get("failure", [])
    codes = [item["code"] for item in failures if item["code"] != "signingCredential.untrusted"]
    return ", ".join(codes)


def _describe_parent(reader: Any, parents: Sequence[Mapping[str, Any]]) -> str:
    signed = next((parent for parent in parents if "active_manifest" in parent), None)
    if signed is None:
        return ""
    failed = _failures(signed.get("validation_results"))
    manifest = reader.get_manifest(signed["active_manifest"]) or {}
    issuer = manifest.get("signature_info", {}).get("issuer", "an unnamed signer")
    return f"{f'Invalid: {failed}' if failed else 'Valid'}, by {issuer}"


def _manifest(
    actions: list[dict[str, Any]], marks: Marks, *, title: str | None = None
) -> Mapping[str, Any]:
    lineage = {
        "brand": marks.brand,
        "campaign": marks.campaign,
        "prompt_key": marks.prompt_key,
        "fingerprint": marks.fingerprint,
        "generation_id": marks.generation_id,
    }
    return {
        "title": title or marks.prompt_key,
        "claim_generator_info": [_GENERATOR],
        "assertions": [
            _actions(actions),
            *_disclose_model(marks),
            {"label": "nbp.lineage", "data": lineage},
        ],
    }


def _disclose_model(marks: Marks) -> list[dict[str, Any]]:
    """Return the assertion of which model drew a picture; none for the simulator's, which has none.

    A person writes the brief, and nobody approves the picture before it is signed.

    Source: C2PA Technical Specification 2.4, section 18.28, AI Disclosure.
    """
    if marks.simulated:
        return []
    content = {
        "modelType": "c2pa.types.model",
        "modelName": marks.model,
        "contentProfile": {"humanOversightLevel": "prompt_guided"},
    }
    return [{"label": "c2pa.ai-disclosure", "data": content, "created": True}]


def _list_actions(marks: Marks, edits: Edits) -> list[dict[str, Any]]:
    """Return what was done, in its order; whatever can be seen says what it comes from.

    Source: Asset Rubrics 1.0 of the C2PA Conformance Program, its mandatory rules.
    """
    drawn, made = marks.original_source_type, marks.source_type
    found: list[dict[str, Any]] = [
        {"action": "c2pa.opened", "parameters": {"ingredientIds": [_PARENT]}}
    ]
    if edits.is_cropped:
        found.append({"action": "c2pa.cropped", "digitalSourceType": drawn})
    found.append({"action": "c2pa.resized.proportional"})
    if edits.is_composed:
        found.append({"action": "c2pa.edited", "digitalSourceType": made})
    if marks.composited:
        found.append({"action": "c2pa.addedText", "digitalSourceType": made})
    return found


def _actions(actions: list[dict[str, Any]]) -> dict[str, Any]:
    content = {"actions": actions, "allActionsIncluded": True}
    return {"label": "c2pa.actions.v2", "data": content}


def _trial() -> bytes:
    """The smallest picture there is to sign."""
    out = io.BytesIO()
    Image.new("RGB", (8, 8)).save(out, "PNG")
    return out.getvalue()


def _mime(data: bytes) -> str:
    return f"image/{(sniff_format(data) or 'unknown').lower()}"


def _read_pem(value: str, *, name: str) -> str:
    """Return PEM text, given itself or by path; no error repeats it, as it may be half a key."""
    # Files of settings often write the ends of lines as two characters.
    text = value.replace("\\n", "\n")
    if "-----BEGIN" not in value:
        try:
            text = Path(value).read_text(encoding="ascii")
        except (OSError, ValueError):
            raise SigningError(
                f"{name} is neither PEM text nor the path of a file that can be read; give one"
            ) from None
    if not _PEM.search(text):
        raise SigningError(f"{name} has no whole PEM block in it; give the file as it was issued")
    return text


def _find_algorithm(key: str) -> str:
    found = _PEM.search(key)
    kind, body = (found[1], found[2]) if found else ("", "")
    if kind != "PRIVATE KEY":
        raise SigningError(
            f"NBP_C2PA_KEY holds a PEM block {kind!r}; accepted: an unencrypted 'PRIVATE KEY' "
            f"(PKCS#8); {_CONVERT}"
        )
    try:
        head = base64.b64decode("".join(body.split()))[:_HEAD]
    except binascii.Error:
        raise SigningError("NBP_C2PA_KEY is not whole: its base64 can't be read") from None
    for identifier, algorithm in _ALGORITHMS:
        if identifier in head:
            return algorithm
    raise SigningError(
        "NBP_C2PA_KEY is of a kind C2PA does not know; "
        "accepted: EC on P-256, P-384 or P-521, RSA, Ed25519"
    )


def _import_c2pa() -> Any:
    try:
        import c2pa
    except ImportError:
        raise SigningError(
            "signing content credentials is configured (NBP_C2PA_KEY), and the extra for it is not "
            "installed; pip install 'nbp-dagster[c2pa]', or unset NBP_C2PA_KEY and NBP_C2PA_CERT"
        ) from None
    return c2pa
