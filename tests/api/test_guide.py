"""docs/api.md is true: its commands are run in order, and each answer has what the guide shows."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

from flask import Flask

from tests.api.conftest import Api

GUIDE = Path(__file__).parents[2] / "docs" / "api.md"
BLOCK = re.compile(r"```(sh|json)\n(.*?)```", re.DOTALL)
ASSIGNED = re.compile(r"(\w+)=\$\((curl .*) \| jq -r (\S+)\)$", re.DOTALL)


def commands(block: str) -> list[str]:
    """The commands of a block; a line that ends with a backslash or inside quotes goes on with the next one."""
    found, so_far = [], ""
    for line in block.replace("\\\n", " ").splitlines():
        so_far = f"{so_far}\n{line}" if so_far else line
        if so_far.count("'") % 2 == 0:
            found.append(so_far)
            so_far = ""
    return found


def curl(app: Flask, command: str) -> Any:
    """What curl would do: the address, -X, -H and -d."""
    words = iter(shlex.split(command)[1:])
    method, address, body, headers = None, "", None, {}
    for word in words:
        if word == "-X":
            method = next(words)
        elif word == "-d":
            body = next(words)
        elif word == "-H":
            name, _, value = next(words).partition(": ")
            headers[name] = value
        elif word != "-s":
            address = word
    return (
        app.test_client().open(address, method=method or ("POST" if body else "GET"), data=body, headers=headers).json
    )


def picked(answer: Any, path: str) -> str:
    """`.data[0].id`, as jq has it."""
    for step in re.findall(r"\w+", path):
        answer = answer[int(step) if step.isdigit() else step]
    assert isinstance(answer, str)
    return answer


def shows(example: Any, answer: Any) -> bool:
    """Whether the answer has everything that the example shows; `…` stands for anything."""
    if isinstance(example, dict):
        return all(name in answer and shows(value, answer[name]) for name, value in example.items())
    return example in ("…", answer)


def test_the_commands_of_the_guide_do_what_it_says(app: Flask, api: Api, bank: str) -> None:
    known = {"QUITTANCE": "", "KEY": api.key}
    answer, examples = None, 0
    for kind, block in BLOCK.findall(GUIDE.read_text()):
        if kind == "json":
            assert shows(json.loads(block), answer), (block, answer)
            examples += 1
            continue
        for command in commands(block):
            if command.startswith("export"):
                continue
            filled = re.sub(r"\$([A-Z]+)", lambda name: known[name[1]], command)
            if assigned := ASSIGNED.fullmatch(filled):
                known[assigned[1]] = picked(curl(app, assigned[2]), assigned[3])
            else:
                answer = curl(app, filled)
    assert examples == 20
