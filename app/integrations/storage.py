"""Files that are kept: a directory for now, behind the port that an object store will share."""

import os
from pathlib import Path
from typing import Protocol
from uuid import uuid4


class Storage(Protocol):
    """Where documents are kept."""

    def write(self, name: str, content: bytes) -> None:
        """Keep a file under a name such as `ten_…/doc_….pdf`; the same name again replaces it whole."""

    def read(self, name: str) -> bytes:
        """The file. Raises FileNotFoundError."""


class DirectoryStorage:
    """Files below a directory of the data directory."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()

    def write(self, name: str, content: bytes) -> None:
        """Write beside the place and move in: a reader never sees half a file."""
        place = self._place(name)
        place.parent.mkdir(parents=True, exist_ok=True)
        draft = place.with_name(f".{place.name}.{uuid4().hex}")
        draft.write_bytes(content)
        os.replace(draft, place)

    def read(self, name: str) -> bytes:
        """The whole file. Raises FileNotFoundError."""
        return self._place(name).read_bytes()

    def _place(self, name: str) -> Path:
        place = (self.root / name).resolve()
        if not place.is_relative_to(self.root):
            raise FileNotFoundError(name)
        return place
