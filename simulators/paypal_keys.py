"""The key that PayPal's simulator signs webhooks with, and the authority behind it: new for each process."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NAME = "messageverificationcerts.paypal.com"
DAYS = timedelta(days=30)


class Authority:
    """Issues certificates that are good for a month."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._subject = _named("Simulated authority")
        usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
        self.certificate = (
            _begun(self._subject, self._subject, self._key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(usage, critical=True)
            .sign(self._key, hashes.SHA256())
        )

    def issue(self, key: rsa.RSAPublicKey, name: str = NAME, *, age: timedelta = timedelta(0)) -> x509.Certificate:
        """A certificate for a server of that name, issued `age` ago."""
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        return (
            _begun(_named(name), self._subject, key, age)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(issuer, critical=False)
            .sign(self._key, hashes.SHA256())
        )


def pem(certificate: x509.Certificate) -> str:
    """A certificate as text."""
    return certificate.public_bytes(Encoding.PEM).decode()


@lru_cache(maxsize=1)
def signing() -> tuple[rsa.RSAPrivateKey, Authority]:
    """The simulator's key and its authority; making them takes a while."""
    return rsa.generate_private_key(65537, 2048), Authority()


def _begun(
    subject: x509.Name,
    issuer: x509.Name,
    key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey,
    age: timedelta = timedelta(0),
) -> x509.CertificateBuilder:
    start = datetime.now(UTC) - age - timedelta(hours=1)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + DAYS)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
