"""Form bodies with brackets: `a[b]=1&c[0]=2` is `{"a": {"b": "1"}, "c": ["2"]}`."""

import re
from typing import Any
from urllib.parse import parse_qsl

_PART = re.compile(r"[^\[\]]+|(?<=\[)(?=\])")


def nested(encoded: str) -> dict[str, Any]:
    """The object that a form describes; all values are text."""
    tree: dict[str, Any] = {}
    for name, value in parse_qsl(encoded, keep_blank_values=True):
        branch = tree
        *path, last = _PART.findall(name)
        for part in path:
            branch = branch.setdefault(part, {})
        branch[last or str(len(branch))] = value
    return {name: _listed(value) for name, value in tree.items()}


def _listed(value: Any) -> Any:
    """An object whose names count from 0 is a list."""
    if not isinstance(value, dict):
        return value
    inner = {name: _listed(element) for name, element in value.items()}
    return list(inner.values()) if list(inner) == [str(n) for n in range(len(inner))] else inner
