"""Whether PayPal signed a webhook, checked here and not by asking (developer.paypal.com/api/rest/webhooks/rest).

PayPal signs `transmission id|time|webhook id|CRC-32 of the body` with a certificate that it names by its address. Only
an address at PayPal is fetched, and only a certificate that leads to an authority we trust is believed. A simulator
has an address and an authority of its own; entering the one without the other believes nothing.
"""

import base64
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

import certifi
import requests
import urllib3.exceptions
from cryptography.exceptions import InvalidSignature as NotSigned
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509 import (
    Certificate,
    DNSName,
    ExtensionNotFound,
    SubjectAlternativeName,
    load_pem_x509_certificates,
)
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from app.gateways.errors import GatewayUnavailable, InvalidSignature
from app.gateways.types import RawRequest

PAYPAL = ".paypal.com"
ALGORITHM = "SHA256withRSA"
# PayPal sends a webhook again for three days, with the time of the first transmission; clocks differ a little.
OLDEST, AHEAD = timedelta(days=4), timedelta(minutes=5)
LARGEST_BYTES = 100_000
_HEADERS = ("transmission-id", "transmission-time", "transmission-sig", "cert-url", "auth-algo")


@dataclass(frozen=True, slots=True)
class Trust:
    """Where certificates come from: `address` begins their URL, `root` (PEM) is their authority. Empty: PayPal."""

    address: str = ""
    root: str = ""


def check(request: RawRequest, webhook_ids: list[str], trust: Trust, timeout: int) -> None:
    """Raises InvalidSignature unless PayPal signed this request for one of the webhooks.

    Raises GatewayUnavailable when the certificate cannot be fetched just now.
    """
    given = {name: request.headers.get(f"paypal-{name}", "") for name in _HEADERS}
    if given["auth-algo"] != ALGORITHM or not webhook_ids:
        raise InvalidSignature("The webhook is not signed in a way we know, or no webhook ID is entered.")
    _check_age(given["transmission-time"], request.received_at)
    if not _is_ours(given["cert-url"], trust):
        raise InvalidSignature("The certificate of this webhook is not at PayPal's address.")
    key = _key(_certificates(given["cert-url"], timeout), trust, request.received_at)
    if not any(_fits(key, given, webhook_id, request.body) for webhook_id in webhook_ids):
        raise InvalidSignature("PayPal did not sign this webhook for any of the account's webhook IDs.")


def _check_age(written: str, received_at: datetime) -> None:
    try:
        age = received_at - datetime.fromisoformat(written).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidSignature("The webhook has no readable time.") from None
    if not -AHEAD <= age <= OLDEST:
        raise InvalidSignature("The webhook was signed too long ago, or in the future.")


def _is_ours(url: str, trust: Trust) -> bool:
    if trust.address or trust.root:
        return bool(trust.address and trust.root) and url.startswith(trust.address.rstrip("/") + "/")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    return (
        parts.scheme == "https"
        and (parts.hostname or "").endswith(PAYPAL)
        and port in (None, 443)
        and not parts.username
    )


@lru_cache(maxsize=64)
def _certificates(url: str, timeout: int) -> bytes:
    """The certificate and those between it and its authority, PEM; the same address always holds the same."""
    try:
        with requests.get(url, timeout=timeout, allow_redirects=False, stream=True) as answer:
            answer.raise_for_status()
            return bytes(answer.raw.read(LARGEST_BYTES, decode_content=True))
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:  # the latter while it is read
        raise GatewayUnavailable(f"PayPal's certificate cannot be fetched: {type(error).__name__}.") from None


def _key(pem: bytes, trust: Trust, at: datetime) -> RSAPublicKey:
    """The key of a certificate that is one of PayPal's and was good at that time."""
    try:
        leaf, *between = load_pem_x509_certificates(pem)
        names = leaf.extensions.get_extension_for_class(SubjectAlternativeName).value.get_values_for_type(DNSName)
        name = next(name for name in names if name.endswith(PAYPAL))
        policy = PolicyBuilder().store(_roots(trust.root)).time(at)
        policy.build_server_verifier(DNSName(name)).verify(leaf, between)
    except (ValueError, ExtensionNotFound, StopIteration, VerificationError):
        raise InvalidSignature("The certificate of this webhook is not one of PayPal's.") from None
    key = leaf.public_key()
    if not isinstance(key, RSAPublicKey):
        raise InvalidSignature("The certificate of this webhook has another kind of key.")
    return key


@lru_cache(maxsize=8)
def _roots(pem: str) -> Store:
    """The authorities that are trusted: that one, or those that browsers trust."""
    known: list[Certificate] = load_pem_x509_certificates(pem.encode() or Path(certifi.where()).read_bytes())
    return Store(known)


def _fits(key: RSAPublicKey, given: Mapping[str, str], webhook_id: str, body: bytes) -> bool:
    signed = f"{given['transmission-id']}|{given['transmission-time']}|{webhook_id}|{zlib.crc32(body)}"
    try:
        signature = base64.b64decode(given["transmission-sig"], validate=True)
        key.verify(signature, signed.encode(), PKCS1v15(), SHA256())
    except (ValueError, NotSigned):
        return False
    return True
