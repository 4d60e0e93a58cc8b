"""Whose time it is: no sweep and no edge may forget customers on a test clock."""

import ast
import re

import pytest

import app.models  # noqa: F401  (fills the metadata)
from app.extensions import Base
from app.jobs.schedule import PERIODIC, ROUND
from app.queries.due import RULES
from app.timelines import current_clock_id
from tests.house.sources import ROOT, constants, paths, trees

# What is about no customer, such as watching a chain, falls due in real time alone.
NOBODYS = {"chains", "notices", "old_keys", "reconciliation_plans", "reconciliations"}
# Instants at which something falls due by itself: the columns that have an index of the rows that wait for them.
DUE = {
    rf"{mapper.class_.__name__}\.{column.name}"
    for mapper in Base.registry.mappers
    for index in mapper.local_table.indexes  # type: ignore[attr-defined]
    for column in index.columns
    if column.name.endswith("_at") and index.dialect_options["postgresql"]["where"] is not None
}
# Where the wall clock may be asked: about staff, sessions, keys, the catalogue, settings, gateways, clocks, and in
# lists in which customers of many clocks stand side by side. Everywhere else it is `present(…)` that knows the time.
WALL_CLOCK = re.compile(
    "cli|present|jobs/(sweeps|worker|scheduler)"
    "|api/(callers|once|rates|health)|api/resources/(access|coupons|customers|meters|plans|previews|products|"
    "test_clocks|usage_alerts|usage_events)|webhooks/.*"
    "|web/(signed_in|once|throttle|auth/.*|checkout/blueprint)"
    "|web/admin/(api_keys|coupons|customer_people|customers|differences|disputes|exports|fraud|gateway_accounts|home|inbox|invoices|meters|notices|"
    "plans|products|routing|tasks|taxes|test_clocks|users|webhooks|workspace)"
)


@pytest.mark.parametrize("kind", RULES)
def test_every_kind_of_work_knows_whose_time_it_is(kind: str) -> None:
    rule = RULES[kind]
    assert (rule.owner is None) == (kind in NOBODYS)
    assert current_clock_id() is None
    if rule.owner is not None:
        assert "test_clock_id IS NOT NULL" in str(rule.on(None))
        assert "test_clock_id = " in str(rule.on("clk_01m7zcqjc5eq3vh3xysb0dczsa"))


def test_every_sweep_asks_the_table() -> None:
    """A sweep is what `_each` does for a kind of the table; what moves the clocks is the one exception."""
    swept = {row.job.rpartition(".")[2] for row in PERIODIC} - {"advance_all"}
    tree = trees("jobs/sweeps.py")["app/jobs/sweeps.py"]
    kinds = {node.name: set(constants(node)) & set(RULES) for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert [name for name in swept if not kinds[name]] == []
    assert set().union(*kinds.values()) == set(RULES)
    assert {sweep.__name__: asked for sweep, asked in ROUND.items()} == {s.__name__: kinds[s.__name__] for s in ROUND}


def test_whatever_a_clock_waits_for_is_done_in_a_round() -> None:
    assert {kind for kind, rule in RULES.items() if rule.moves} <= frozenset().union(*ROUND.values())


def test_due_instants_are_compared_in_the_table_alone() -> None:
    """Or beside `here`, which says whose time it is."""
    compared = re.compile(rf"\b({'|'.join(sorted(DUE))}) *<")
    strays = [
        f"{path}:{n}"
        for path in paths("services", "queries", "jobs")
        for n, line in enumerate((ROOT / path).read_text().splitlines(), 1)
        if compared.search(line) and not re.search(r"rows\(|where\(here,", line)
    ]
    assert strays == []


def test_only_edges_that_are_about_no_customer_ask_the_wall_clock() -> None:
    asking = {
        path.removeprefix("app/").removesuffix(".py")
        for path, tree in trees("api", "web", "webhooks", "jobs", "cli.py").items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and _name(node.func) in ("now", "clock.now")
    }
    assert [path for path in sorted(asking) if not WALL_CLOCK.fullmatch(path)] == []


def _name(function: ast.expr) -> str:
    return ast.unparse(function)
