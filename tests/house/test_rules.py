"""Rules that the whole house keeps, read off its sources."""

import ast
from collections.abc import Iterator
from importlib import import_module

import pytest
from importlinter.cli import lint_imports

from app.jobs.queues import QUEUES, ROUTINE, URGENT
from app.jobs.schedule import PERIODIC
from tests.house.sources import ROOT, constants, paths, trees

LONGEST_FILE, LONGEST_ADAPTER, LONGEST_FUNCTION = 400, 450, 50
# Rooms that money passes through. A float in any other is a length of time or a place on a chart.
MONEY = ("domain", "models", "queries", "services", "gateways", "integrations", "api")


def test_imports_run_down_only(capsys: pytest.CaptureFixture[str]) -> None:
    assert lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True) == 0, capsys.readouterr().out


@pytest.mark.parametrize("path", paths())
def test_a_file_is_short_enough_to_be_read(path: str) -> None:
    most = LONGEST_ADAPTER if path.startswith("app/gateways/") else LONGEST_FILE
    assert len((ROOT / path).read_text().splitlines()) <= most


def test_a_function_is_short_enough_to_be_understood() -> None:
    long = [
        f"{path}:{node.lineno} {node.name}"
        for path, tree in trees().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and (node.end_lineno or 0) - node.lineno >= LONGEST_FUNCTION
    ]
    assert long == []


def test_no_float_comes_near_money() -> None:
    """Only to be refused may it be named: `isinstance(value, float)`."""
    floats = [
        f"{path}:{node.lineno}"
        for path, tree in trees(*MONEY).items()
        for node in _outside_isinstance(tree)
        if (isinstance(node, ast.Name) and node.id == "float")
        or (isinstance(node, ast.Constant) and isinstance(node.value, float))
    ]
    assert floats == []


def _outside_isinstance(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.Call) and getattr(child.func, "id", "") == "isinstance"):
            yield from _outside_isinstance(child)


def test_nothing_is_left_for_later() -> None:
    left = [
        f"{path}:{n}"
        for path in paths()
        for n, line in enumerate((ROOT / path).read_text().splitlines(), 1)
        if any(word in line for word in ("TODO", "FIXME", "XXX", "NotImplementedError()", "breakpoint("))
    ]
    assert left == []


def test_only_the_edges_ask_what_time_it_is() -> None:
    """Services and rules are told `at`."""
    asked = [
        f"{path}:{node.lineno}"
        for path, tree in trees("domain", "services", "queries", "models").items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in ("now", "utcnow", "today") and _is_clock(node.value)
    ]
    assert asked == []


def _is_clock(owner: ast.expr) -> bool:
    return isinstance(owner, ast.Name) and owner.id in ("datetime", "date", "clock")


def test_jobs_that_are_named_exist() -> None:
    named = {
        text
        for tree in trees().values()
        for text in constants(tree)
        if text.startswith("app.jobs.") and " " not in text
    }
    assert named >= {row.job for row in PERIODIC}
    for path in named:
        module, _, name = path.rpartition(".")
        assert callable(getattr(import_module(module), name)), path


def test_every_queue_is_emptied_by_the_worker() -> None:
    assert {URGENT, ROUTINE} == set(QUEUES)


@pytest.mark.parametrize("path", paths("services"))
def test_a_service_says_what_its_public_functions_do(path: str) -> None:
    silent = [
        node.name
        for node in trees("services")[path].body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_") and not ast.get_docstring(node)
    ]
    assert silent == []
