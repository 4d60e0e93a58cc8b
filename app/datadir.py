"""The data directory: what one installation keeps on disk, its secrets, and who is using it now."""

import base64
import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_bytes, token_urlsafe

from app.startup import CannotStart

Variables = dict[str, str]


@dataclass(frozen=True, slots=True)
class DataDir:
    """One directory, private to its owner. What is written into it as variables only the owner can read."""

    path: Path

    @classmethod
    def at(cls, path: Path) -> "DataDir":
        """The directory, made if it is not there. Raises CannotStart when it cannot be written."""
        absolute = path.expanduser().resolve()
        try:
            absolute.mkdir(mode=0o700, parents=True, exist_ok=True)
            (absolute / "lock").touch(mode=0o600)
        except OSError as error:
            raise CannotStart(
                f"Cannot write to the data directory {absolute}: {error.strerror}. Choose another with --data-dir.",
                "data_dir_unwritable",
            ) from None
        return cls(absolute)

    @contextmanager
    def claimed(self) -> Iterator[bool]:
        """Take the directory for oneself while the block runs; True when nobody else had it.

        The lock is the kernel's, so it ends with the process, however that ends.
        """
        with (self.path / "lock").open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            self._announcement.unlink(missing_ok=True)
            try:
                yield True
            finally:
                self._announcement.unlink(missing_ok=True)

    def announce(self, variables: Mapping[str, str]) -> None:
        """Tell other commands, while the directory is claimed, which servers and secrets are in use."""
        _write(self._announcement, _lines(variables))

    def announced(self) -> Variables | None:
        """What the process that has the directory announced; None before it did."""
        try:
            return _read(self._announcement)
        except FileNotFoundError:
            return None

    def secrets(self) -> Variables:
        """The secrets kept here: SECRET_KEY and ENCRYPTION_KEYS, or nothing."""
        return _read(self._secrets) if self._secrets.exists() else {}

    def keep_secrets(self) -> Variables:
        """The secrets kept here, made the first time. Without them what is sealed in the database stays sealed."""
        if not self._secrets.exists():
            key = base64.b64encode(token_bytes(32)).decode()
            _write(self._secrets, _lines({"SECRET_KEY": token_urlsafe(48), "ENCRYPTION_KEYS": f"k1:{key}"}))
        return self.secrets()

    def remember(self, name: str, text: str) -> None:
        """Keep a text for the owner's eyes."""
        _write(self.path / name, text)

    def recall(self, name: str) -> str:
        """The text kept under that name, or nothing."""
        path = self.path / name
        return path.read_text() if path.exists() else ""

    @property
    def _secrets(self) -> Path:
        return self.path / "secrets.env"

    @property
    def _announcement(self) -> Path:
        return self.path / "running.env"


def _write(path: Path, text: str) -> None:
    """Write for the owner only, under another name first, so that a reader never sees half of it."""
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(text)
    draft.replace(path)


def _lines(variables: Mapping[str, str]) -> str:
    return "".join(f"{name}={value}\n" for name, value in variables.items())


def _read(path: Path) -> Variables:
    return dict(line.split("=", 1) for line in path.read_text().splitlines())
