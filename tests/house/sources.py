"""Our own sources, parsed once, for tests that hold all of them to a rule."""

import ast
import re
from collections.abc import Iterator
from functools import cache, lru_cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def trees(*rooms: str) -> dict[str, ast.Module]:
    """The syntax trees of the modules below these rooms of app/, by path."""
    return {path: _tree(path) for path in paths(*rooms)}


@cache
def _tree(path: str) -> ast.Module:
    return ast.parse((ROOT / path).read_text())


def paths(*rooms: str) -> list[str]:
    """The Python files below these rooms of app/, or all of app/."""
    places = [ROOT / "app" / room for room in rooms] or [ROOT / "app"]
    found = (file for place in places for file in ([place] if place.is_file() else place.rglob("*.py")))
    return sorted(str(file.relative_to(ROOT)) for file in found)


def constants(tree: ast.AST) -> Iterator[str]:
    """The text constants in a tree, docstrings too."""
    return (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str))


def patterns(tree: ast.AST) -> Iterator[str]:
    """The text constants and f-strings in a tree as regular expressions; what is filled in may be anything."""
    filled_in = [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]
    pieces = {id(part) for node in filled_in for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in pieces:
            yield re.escape(node.value)
    for node in filled_in:
        yield "".join(re.escape(str(part.value)) if isinstance(part, ast.Constant) else ".+" for part in node.values)


def matched(name: str, wanted: set[str]) -> bool:
    """Whether one of the patterns is the whole of the name."""
    return bool(_any_of(frozenset(wanted)).fullmatch(name))


@lru_cache
def _any_of(patterns: frozenset[str]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in sorted(patterns)))
