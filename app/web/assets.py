"""Static files: addressed by their content, so that a browser may keep them for ever, and checked by it on arrival."""

import base64
import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any

from flask import Flask, Response, current_app, redirect, request, url_for
from markupsafe import Markup
from werkzeug.wrappers import Response as WerkzeugResponse

FOREVER = "public, max-age=31536000, immutable"
NEEDED = ("vendor/htmx.min.js",)
BLOCKING = Markup('<script src="{}" integrity="{}"></script>')
DEFERRED = Markup('<script src="{}" integrity="{}" defer></script>')


class MissingAsset(RuntimeError):
    """A file that installing should have put in place is not there."""


def register(app: Flask) -> None:
    """Put the content's hash into every static URL, and `script()` and `stylesheet()` into the templates."""
    _check(app)
    app.url_defaults(_name_content)
    app.after_request(_keep)
    app.add_url_rule("/favicon.ico", "favicon", _favicon)
    app.jinja_env.globals.update(script=script, stylesheet=stylesheet, asset=asset)


def asset(filename: str, endpoint: str = "static") -> str:
    """The address of a static file: `asset("app.css")` is `/static/app.css?v=1b2c…`."""
    return url_for(endpoint, filename=filename)


def script(filename: str, *, defer: bool = True) -> Markup:
    """A script tag that the browser runs only if the file is the one we meant."""
    tag = DEFERRED if defer else BLOCKING
    return tag.format(asset(filename), _integrity("static", filename))


def stylesheet(filename: str, endpoint: str = "static") -> Markup:
    """A stylesheet link, checked in the same way."""
    return Markup('<link rel="stylesheet" href="{}" integrity="{}">').format(
        asset(filename, endpoint), _integrity(endpoint, filename)
    )


def _favicon() -> WerkzeugResponse:
    """Where browsers look for the icon of what is no page, such as a PDF."""
    return redirect(asset("logo.svg"))


def _check(app: Flask) -> None:
    missing = [name for name in NEEDED if not Path(str(app.static_folder), name).is_file()]
    if missing:
        raise MissingAsset(f"{', '.join(missing)} is missing in app/static: `make install` puts it there.")


def _name_content(endpoint: str, values: dict[str, Any]) -> None:
    if (folder := _folder(endpoint)) and "v" not in values:
        values["v"] = _version(folder / values["filename"])


def _keep(response: Response) -> Response:
    """A URL that names the content may be kept; any other is asked for again each time."""
    folder = _folder(request.endpoint)
    if folder and response.status_code in (200, 206, 304):
        named = request.args.get("v")
        if named and named == _version(folder / (request.view_args or {})["filename"]):
            response.headers["Cache-Control"] = FOREVER
    return response


def _folder(endpoint: str | None) -> Path | None:
    if endpoint == "static":
        return Path(str(current_app.static_folder))
    if endpoint == "bootstrap.static":
        return Path(str(current_app.blueprints["bootstrap"].static_folder))
    return None


def _integrity(endpoint: str, filename: str) -> str:
    folder = _folder(endpoint)
    return f"sha384-{base64.b64encode(_digest(folder / filename)).decode()}" if folder else ""


def _version(path: Path) -> str:
    return _digest(path).hex()[:16] if path.is_file() else ""


def _digest(path: Path) -> bytes:
    return _digest_of(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=256)
def _digest_of(path: Path, _changed: int) -> bytes:
    return hashlib.sha384(path.read_bytes()).digest()
