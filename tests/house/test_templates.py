"""Every template is used, and every template that is named exists."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import PurePosixPath

import pytest

from tests.house.sources import ROOT, constants, matched, patterns, trees

PLACE = ROOT / "app" / "templates"
TEMPLATES = sorted(str(file.relative_to(PLACE)) for file in PLACE.rglob("*.*"))
NAME = re.compile(r"[\w/.-]+\.(?:html|txt)")
_TAG = re.compile(r"{%-?\s*(?:extends|include|import|from)\s+(.+?)-?%}", re.S)
_PIECE = re.compile(r"""\s*(?:"([^"]*)"|'([^']*)')\s*""")


def in_templates() -> Iterator[str]:
    """What templates extend, include and import, as regular expressions."""
    for name in TEMPLATES:
        for expression in _TAG.findall((PLACE / name).read_text()):
            yield from map(re.escape, NAME.findall(expression))
            pieces = [_PIECE.fullmatch(piece) for piece in re.split(r"~", expression)]
            if len(pieces) > 1:
                yield "".join(re.escape(piece[1] or piece[2] or "") if piece else ".+" for piece in pieces)


@cache
def used() -> set[str]:
    """What sources and templates name, as regular expressions."""
    return {*in_templates(), *(pattern for tree in trees().values() for pattern in patterns(tree))}


@cache
def texts(*rooms: str) -> set[str]:
    """The text constants of these rooms of app/."""
    return {text for tree in trees(*rooms).values() for text in constants(tree)}


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_is_used(name: str) -> None:
    """A fragment `_list.html` is used with its page `list.html`, out of which HTMX asks for it."""
    place = PurePosixPath(name)
    page = str(place.with_name(place.name.removeprefix("_")))
    assert matched(name, used()) or (page in TEMPLATES and matched(page, used()))


def test_a_template_that_is_named_exists() -> None:
    named = {text for text in texts() if "/" in text and NAME.fullmatch(text)}
    assert named
    assert named - set(TEMPLATES) == set()


@pytest.mark.parametrize("name", [name for name in TEMPLATES if name.startswith("emails/") and name.endswith(".txt")])
def test_a_mail_is_written_by_somebody(name: str) -> None:
    assert PurePosixPath(name).stem in texts("services", "web", "jobs")


@pytest.mark.parametrize("name", [name for name in TEMPLATES if name.startswith("emails/") and name.endswith(".txt")])
def test_a_mail_begins_with_its_subject(name: str) -> None:
    assert (PLACE / name).read_text().startswith("Subject: ")
