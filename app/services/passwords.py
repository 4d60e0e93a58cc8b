"""Passwords: argon2id, and the few rules that help (length, not the address itself, not one that everybody uses)."""

from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from app.domain.errors import InvalidInput

MIN_LENGTH, MAX_LENGTH = 12, 256
_TOO_COMMON = frozenset(
    "password1234 passwordpassword 123456789012 1234567890123 qwertyuiopas letmeinletmein adminadminadmin"
    " welcome12345 iloveyou1234 administrator changemechangeme".split()
)
_hasher = PasswordHasher()


def hashed(password: str, *, email: str) -> str:
    """The hash to keep. Raises InvalidInput for a password that is too short, too long or too easy to guess."""
    _check(password, email)
    return _hasher.hash(password)


def matches(password_hash: str | None, password: str) -> bool:
    """Whether the password is the right one; takes as long when there is none to compare with."""
    try:
        return _hasher.verify(password_hash or _nobodys(), password) and password_hash is not None
    except (VerificationError, InvalidHashError):
        return False


@cache
def _nobodys() -> str:
    """Verified when there is no such user, so that both answers take as long."""
    return _hasher.hash("nobody has this password")


def _check(password: str, email: str) -> None:
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        raise InvalidInput(
            f"The password must have {MIN_LENGTH} to {MAX_LENGTH} characters.", code="weak_password", field="password"
        )
    if password.lower() in _TOO_COMMON or email.lower().split("@")[0] in password.lower():
        raise InvalidInput(
            "That password is too easy to guess: choose one without your address or a common word.",
            code="weak_password",
            field="password",
        )
