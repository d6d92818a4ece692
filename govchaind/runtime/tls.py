"""TLS between nodes: 1.3 only, both sides proved, pinned by key to the ledger's membership.

The ledger holds a node's 32-byte key, OpenSSL wants certificates. Both are had without a second
thing to distribute:

- A node's certificate is signed by the very key it carries, for an issuer named after that key,
  and says CA:FALSE. Anybody can make one with openssl; dates and serial number are free.
- From a member's key every node derives the *anchor*: a certificate of that key under that
  issuer's name. Trust in an anchor comes from its being loaded, so its own signature (by a key
  known to all) means nothing and is never looked at.
- OpenSSL thus accepts exactly what a member's key has signed. That would include certificates of
  other keys, so after the handshake the peer's own key is compared with the membership, and a
  certificate that says CA:TRUE is refused. TLS 1.3's CertificateVerify has proved that the peer
  holds the key of the certificate it showed.

Checked without time: an expired certificate stops nothing, the membership alone decides. One pair
of contexts per membership epoch. The only door to ssl and cryptography.
"""

from __future__ import annotations

import datetime
import os
import ssl
from collections.abc import Iterable

import trio
from cryptography import x509
from cryptography.exceptions import InvalidSignature as SignatureMismatch
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.x509.oid import NameOID

from govchaind.base.errors import PeerError
from govchaind.base.types import PublicKey

NO_CHECK_TIME = 0x200000  # OpenSSL's X509_V_FLAG_NO_CHECK_TIME
_NOBODY = Ed25519PrivateKey.from_private_bytes(bytes(32))  # signs anchors; known to all
_FIRST_DAY = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
_LAST_DAY = datetime.datetime(2120, 1, 1, tzinfo=datetime.UTC)
_SERIAL_NUMBER = 1


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _certificate(
    *,
    subject: str,
    issuer: str,
    key: Ed25519PublicKey,
    signer: Ed25519PrivateKey,
    authority: bool,
    last_day: datetime.datetime = _LAST_DAY,
) -> x509.Certificate:
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(key)
        .serial_number(_SERIAL_NUMBER)
        .not_valid_before(_FIRST_DAY)
        .not_valid_after(last_day)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .sign(signer, None)
    )


def make_certificate(
    seed: bytes, *, authority: bool = False, last_day: datetime.datetime = _LAST_DAY
) -> bytes:
    """Return the PEM certificate of the TLS key with this seed; the same bytes each time.

    `authority` and `last_day` make the wrong and the expired ones that tests show to a node.
    """
    signer = Ed25519PrivateKey.from_private_bytes(seed)
    key = signer.public_key()
    made = _certificate(
        subject="govchaind node",
        issuer=key.public_bytes_raw().hex(),
        key=key,
        signer=signer,
        authority=authority,
        last_day=last_day,
    )
    return made.public_bytes(serialization.Encoding.PEM)


def _anchor(key: PublicKey) -> bytes:
    """Return the DER certificate under which this member's own is accepted."""
    made = _certificate(
        subject=key.hex(),
        issuer=key.hex(),
        key=Ed25519PublicKey.from_public_bytes(key),
        signer=_NOBODY,
        authority=True,
    )
    return made.public_bytes(serialization.Encoding.DER)


class TlsIdentity:
    """A node's own TLS key and certificate. Its text form never shows the secret."""

    __slots__ = ("_pem", "public")

    def __init__(self, seed: bytes, certificate: bytes | None = None) -> None:
        """`certificate`: PEM, when it is another than `make_certificate(seed)`."""
        private = Ed25519PrivateKey.from_private_bytes(seed)
        self.public: PublicKey = private.public_key().public_bytes_raw()
        key = private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        self._pem = key + (make_certificate(seed) if certificate is None else certificate)

    def __repr__(self) -> str:
        return f"TlsIdentity(public={self.public.hex()[:16]}…)"

    def load_into(self, context: ssl.SSLContext) -> None:
        """Load key and certificate; the secret goes through memory only, never through a disk."""
        descriptor = os.memfd_create("tls", os.MFD_CLOEXEC)
        try:
            with os.fdopen(os.dup(descriptor), "wb") as file:
                file.write(self._pem)
            context.load_cert_chain(f"/proc/self/fd/{descriptor}")
        finally:
            os.close(descriptor)


class TlsKeys:
    """A node's own TLS keys, and which of them it shows now: there are two while they change."""

    __slots__ = ("_held", "current")

    def __init__(self, first: TlsIdentity, *further: TlsIdentity) -> None:
        self.current = first
        self._held = {identity.public: identity for identity in (first, *further)}

    def present(self, key: PublicKey) -> None:
        """Show this one from now on, if it is held."""
        self.current = self._held.get(key, self.current)


class Contexts:
    """The two SSL contexts of one membership epoch, and the judgement after the handshake."""

    __slots__ = ("client", "identity", "members", "server")

    def __init__(self, identity: TlsIdentity, members: Iterable[PublicKey]) -> None:
        self.identity = identity
        self.members = frozenset(members) - {identity.public}
        anchors = b"".join(_anchor(key) for key in sorted(self.members))
        self.server = self._context(ssl.PROTOCOL_TLS_SERVER, identity, anchors)
        self.client = self._context(ssl.PROTOCOL_TLS_CLIENT, identity, anchors)

    @staticmethod
    def _context(protocol: int, identity: TlsIdentity, anchors: bytes) -> ssl.SSLContext:
        context = ssl.SSLContext(protocol)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.maximum_version = ssl.TLSVersion.TLSv1_3
        context.check_hostname = False  # a node is its key; addresses are hints
        context.verify_mode = ssl.CERT_REQUIRED
        context.verify_flags |= ssl.VerifyFlags(NO_CHECK_TIME)
        context.options |= ssl.OP_NO_TICKET
        if protocol == ssl.PROTOCOL_TLS_SERVER:
            context.num_tickets = 0  # no session is resumed past a change of membership
        identity.load_into(context)
        if anchors:
            context.load_verify_locations(cadata=anchors)
        return context

    def judge(self, stream: trio.SSLStream[trio.SocketStream]) -> PublicKey:
        """Return the key that the peer has proved to hold, if it is a member's.

        Raises PeerError.
        """
        shown = stream.getpeercert(binary_form=True)
        if not shown:
            raise PeerError("the peer showed no certificate", code="peer-unknown")
        return judge_certificate(shown, self.members)


def judge_certificate(der: bytes, members: frozenset[PublicKey]) -> PublicKey:
    """Return the key of a certificate if it is a member's own and no authority's.

    Raises PeerError ("certificate-unreadable", "certificate-authority", "peer-unknown").
    """
    try:
        certificate = x509.load_der_x509_certificate(der)
        key = certificate.public_key()
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    except (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension) as error:
        raise PeerError(
            f"the peer's certificate cannot be read: {error}", code="certificate-unreadable"
        ) from error
    if constraints.ca:
        raise PeerError(
            "the peer's certificate says CA:TRUE: it could make certificates for others",
            code="certificate-authority",
            remedy="Make the node's certificate anew with CA:FALSE (govchaind init does).",
        )
    if not isinstance(key, Ed25519PublicKey):
        raise PeerError("the peer's key is not Ed25519", code="certificate-unreadable")
    public = key.public_bytes_raw()
    if public not in members:
        raise PeerError("the peer's key is no member's", code="peer-unknown")
    try:
        key.verify(certificate.signature, certificate.tbs_certificate_bytes)
    except SignatureMismatch as error:
        raise PeerError(
            "the peer's certificate is not signed by its own key", code="certificate-unreadable"
        ) from error
    return public
