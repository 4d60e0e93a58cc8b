"""Codes made of names, for those who do not choose their own."""

import re
import unicodedata

from app.domain.errors import InvalidInput

LONGEST = 64


def code_from(name: str) -> str:
    """`code_from("Équipe Pro – annuel") == "equipe-pro-annuel"`. Raises InvalidInput when nothing is left."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    code = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:LONGEST].rstrip("-")
    if not code:
        raise InvalidInput("No code can be made of this name: give one.", code="missing", field="code")
    return code
