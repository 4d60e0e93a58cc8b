"""Sealing of gateway credentials with AES-256-GCM, and hashing of random secrets."""

import hashlib
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES = 12


class CannotOpen(Exception):
    """Sealed with a key that is not configured, or bound to another row."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """Ciphertext, and the id of the key that opens it."""

    key_id: str
    box: bytes


def seal(keyring: Mapping[str, bytes], plaintext: bytes, bound_to: str) -> Sealed:
    """Encrypt with the first key. `bound_to` (tenant and row) is authenticated: the box opens nowhere else."""
    key_id, key = next(iter(keyring.items()))
    nonce = os.urandom(NONCE_BYTES)
    return Sealed(key_id, nonce + AESGCM(key).encrypt(nonce, plaintext, _aad(bound_to, key_id)))


def unseal(keyring: Mapping[str, bytes], sealed: Sealed, bound_to: str) -> bytes:
    """Decrypt with the key named in the box. Raises CannotOpen."""
    try:
        key = keyring[sealed.key_id]
        nonce, ciphertext = sealed.box[:NONCE_BYTES], sealed.box[NONCE_BYTES:]
        return AESGCM(key).decrypt(nonce, ciphertext, _aad(bound_to, sealed.key_id))
    except KeyError:
        raise CannotOpen(f"encryption key “{sealed.key_id}” is not in ENCRYPTION_KEYS") from None
    except (InvalidTag, ValueError):
        raise CannotOpen("the sealed value was altered or belongs to another row") from None


def random_secret() -> str:
    """256 random bits for links and keys, safe in a URL."""
    return secrets.token_urlsafe(32)


def secret_hash(secret: str) -> str:
    """SHA-256 in hex: enough for secrets that are random themselves (passwords get argon2)."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _aad(bound_to: str, key_id: str) -> bytes:
    return f"{bound_to}|{key_id}".encode()
