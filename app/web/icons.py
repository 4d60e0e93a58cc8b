"""Icons: shapes out of Bootstrap's sprite, drawn in place, because the whole sprite weighs a megabyte."""

from functools import lru_cache
from importlib.resources import files
from xml.etree import ElementTree

from markupsafe import Markup

SPRITE = files("flask_bootstrap").joinpath("static/bootstrap5/icons/bootstrap-icons.svg")
SVG = "{http://www.w3.org/2000/svg}"
FRAME = Markup('<svg class="icon" width="16" height="16" viewBox="0 0 16 16" fill="currentColor" {}>{}</svg>')


def icon(name: str, label: str | None = None) -> Markup:
    """The icon of that name (icons.getbootstrap.com). Decoration, unless a label says what it means.

    Raises LookupError for a name that does not exist.
    """
    meaning = Markup('role="img" aria-label="{}"').format(label) if label else Markup('aria-hidden="true"')
    return FRAME.format(meaning, shape(name))


@lru_cache(maxsize=256)
def shape(name: str) -> Markup:
    """What is inside the icon, to be put into an `<svg>`."""
    paths = _sprite()[name]
    return Markup("").join(_drawn(path) for path in paths)


def _drawn(path: ElementTree.Element) -> Markup:
    attributes = Markup(" ").join(Markup('{}="{}"').format(key, value) for key, value in path.items())
    return Markup("<{0} {1}/>").format(path.tag.removeprefix(SVG), attributes)


@lru_cache(maxsize=1)
def _sprite() -> dict[str, list[ElementTree.Element]]:
    sprite = ElementTree.fromstring(SPRITE.read_bytes())  # noqa: S314 - a file of a pinned package
    return {str(symbol.get("id")): list(symbol) for symbol in sprite.iter(f"{SVG}symbol")}
