"""Strict request checks: which fields a request may have, which it must, and what each may hold."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Rule = Callable[[Any], Any]


class Unacceptable(ValueError):
    """A field that is missing, unknown or wrong: `path` says which, `problem` is missing, unknown or invalid."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path}: {problem}")
        self.path = path
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Fields:
    """An object with these fields and no others. `cleaned` gives it with the values as their rules read them."""

    needed: Mapping[str, "Rule | Fields"] = field(default_factory=dict)
    optional: Mapping[str, "Rule | Fields"] = field(default_factory=dict)

    def cleaned(self, value: Any, path: str = "") -> dict[str, Any]:
        """Raises Unacceptable for the first field that is wrong."""
        if not isinstance(value, dict):
            raise Unacceptable(path, "invalid")
        for name in self.needed:
            if name not in value:
                raise Unacceptable(_below(path, name), "missing")
        return {name: self._field(name, inner, _below(path, name)) for name, inner in value.items()}

    def _field(self, name: str, value: Any, path: str) -> Any:
        rule = self.needed.get(name) or self.optional.get(name)
        if rule is None:
            raise Unacceptable(path, "unknown")
        if isinstance(rule, Fields):
            return rule.cleaned(value, path)
        try:
            return rule(value)
        except (ValueError, TypeError, AttributeError, KeyError):
            raise Unacceptable(path, "invalid") from None


def text(value: Any, longest: int = 5000) -> str:
    """A string that is not too long."""
    if not isinstance(value, str) or len(value) > longest:
        raise ValueError("not a string, or too long")
    return value


def upto(longest: int) -> Rule:
    """A string of at least one and at most so many characters."""

    def rule(value: Any) -> str:
        if not value:
            raise ValueError("empty")
        return text(value, longest)

    return rule


def whole(value: Any) -> int:
    """A whole number of JSON."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError("not a whole number")
    return value


def digits(value: Any) -> int:
    """A whole number of a form, where everything is text."""
    return int(text(value))


def flag(value: Any) -> bool:
    """True or false of JSON."""
    if not isinstance(value, bool):
        raise ValueError("neither true nor false")
    return value


def truth(value: Any) -> bool:
    """True or false of a form, where they are words."""
    return {"true": True, "false": False}[value]


def word(*allowed: str) -> Rule:
    """One of these words."""

    def rule(value: Any) -> str:
        if value not in allowed:
            raise ValueError("not one of the words")
        return text(value)

    return rule


def texts(value: Any) -> dict[str, str]:
    """An object of short strings, like metadata."""
    return {text(name, 40): text(inner, 500) for name, inner in value.items()}


def many(rule: Rule | Fields) -> Rule:
    """A list of such things."""

    def each(value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise ValueError("not a list")
        return [rule.cleaned(inner) if isinstance(rule, Fields) else rule(inner) for inner in value]

    return each


def _below(path: str, name: str) -> str:
    return f"{path}[{name}]" if path else name
