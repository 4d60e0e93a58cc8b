"""What docs/operations.md and deploy/ say is so."""

import re
from pathlib import Path

import pytest
from pydantic_core import PydanticUndefined

from app.cli import cli
from app.config import Settings

ROOT = Path(__file__).parent.parent
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
DEPLOYED = {path.name: path.read_text() for path in (ROOT / "deploy").iterdir()}


def settings_table() -> str:
    """The table of settings as it has to stand in the page."""
    rows = ["| Variable | What it is | Unless set |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = "required" if field.default is PydanticUndefined else f"`{field.default}`"
        rows.append(f"| `{name.upper()}` | {field.description} | {default} |")
    return "\n".join(rows)


def test_the_page_lists_every_setting_as_it_is() -> None:
    found = re.search(r"<!-- settings.*?-->\n(.*?)\n<!-- end of settings -->", OPERATIONS, re.DOTALL)
    assert found
    assert found.group(1) == settings_table()


@pytest.mark.parametrize("command", sorted(set(re.findall(r"`quittance ([a-z]+)", OPERATIONS))))
def test_every_command_of_the_page_exists(command: str) -> None:
    assert command in cli.commands


@pytest.mark.parametrize("file", ["Dockerfile", "compose.yaml"])
def test_every_command_that_is_deployed_exists(file: str) -> None:
    run = re.findall(r"command: quittance (\w+)|\"quittance\", \"(\w+)\"", DEPLOYED[file])
    assert run
    assert {first or second for first, second in run} <= cli.commands.keys()


def test_the_unit_is_for_processes_that_exist() -> None:
    enabled = re.findall(r"quittance@(\w+)", DEPLOYED["quittance@.service"])
    assert enabled == ["web", "worker", "scheduler"]
    assert set(enabled) <= cli.commands.keys()


def test_what_is_deployed_sets_only_variables_that_exist() -> None:
    known = {name.upper() for name in Settings.model_fields}
    set_in_compose = set(re.findall(r"^    ([A-Z_]+): ", DEPLOYED["compose.yaml"], re.MULTILINE))
    assert set_in_compose
    assert set_in_compose <= known
    for variable in re.findall(r"\b(LOG_FORMAT|QUITTANCE_DATA_DIR)=", DEPLOYED["Dockerfile"]):
        assert variable in known
