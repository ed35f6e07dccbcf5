"""A small certificate authority of our own, and what it issues for signing pictures."""

import datetime
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
_PEM = serialization.Encoding.PEM


@dataclass(frozen=True)
class Papers:
    """A signer's key and its certificates.

    Attributes:
        key: Private key, PKCS#8 PEM.
        chain: The signer's certificate and the root's, PEM.
        root: The root's alone.
    """

    key: str
    chain: str
    root: str


def issue_papers(*, days: int = 30, key: PrivateKey | None = None) -> Papers:
    """Issue a certificate fit for content credentials.

    Args:
        days: How long it holds from now; below 0 for one that has run out.
        key: The signer's, on P-256 unless given.
    """
    root_key = ec.generate_private_key(ec.SECP256R1())
    signer = key or ec.generate_private_key(ec.SECP256R1())
    root = _issue("Root", root_key.public_key(), issuer=root_key, days=3650, is_root=True)
    leaf = _issue("Signer", signer.public_key(), issuer=root_key, days=days, is_root=False)
    shape, no_lock = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return Papers(
        key=signer.private_bytes(_PEM, shape, no_lock).decode(),
        chain=(leaf + root).decode(),
        root=root.decode(),
    )


def _issue(
    name: str,
    public: ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey,
    *,
    issuer: ec.EllipticCurvePrivateKey,
    days: int,
    is_root: bool,
) -> bytes:
    now = datetime.datetime.now(datetime.UTC)
    usage = dict.fromkeys(
        (
            *("content_commitment", "key_encipherment", "data_encipherment"),
            *("key_agreement", "encipher_only", "decipher_only"),
        ),
        False,
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name("Root"))
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=60))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=is_root, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key()), critical=False
        )
        .add_extension(
            x509.KeyUsage(
                digital_signature=not is_root, key_cert_sign=is_root, crl_sign=is_root, **usage
            ),
            critical=True,
        )
    )
    if not is_root:
        purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
        builder = builder.add_extension(purpose, critical=False)
    return builder.sign(issuer, hashes.SHA256()).public_bytes(_PEM)


def _name(common: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Hilltop Tea"),
            x509.NameAttribute(NameOID.COMMON_NAME, common),
        ]
    )
