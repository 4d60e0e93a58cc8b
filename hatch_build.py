"""Copies htmx out of the django-htmx wheel at build time, so that no third-party file is committed.

The files are pinned by their hash: a changed upstream file stops the build instead of reaching a browser.
"""

import hashlib
import pathlib
from importlib.resources import files
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

# (package, file inside it, name here) → SHA-256
PINS = {
    ("django_htmx", "static/django_htmx/htmx-2.min.js", "htmx.min.js"): (
        "71ea67185bfa8c98c39d31717c6fce5d852370fcdfd129db4543774d3145c0de"
    ),
}


class CustomBuildHook(BuildHookInterface):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        out = pathlib.Path(self.root, "app/static/vendor")
        out.mkdir(parents=True, exist_ok=True)
        for (package, source, name), pin in PINS.items():
            content = (files(package) / source).read_bytes()
            if hashlib.sha256(content).hexdigest() != pin:
                raise RuntimeError(f"{package}/{source} has changed: its checksum is not the pinned one")
            (out / name).write_bytes(content)
