"""Answers: a page or the fragment of it that HTMX asked for, and what follows a good POST."""

from typing import Any

from flask import Response, flash, g, make_response, redirect, render_template, url_for
from htmx_flask import request


def wants_fragment() -> bool:
    """Whether HTMX will put the answer into a page that is there, rather than show it as a page."""
    asked = request.htmx
    return bool(asked) and not asked.boosted and not asked.history_restore_request


def render(page: str, *, status: int = 200, fragment: str | None = None, **context: Any) -> Response:
    """The page, or for HTMX its fragment: `_list.html` beside `list.html` unless another is named or there is none.

    Flashed messages and the announcement travel with the fragment, out of band.
    """
    if wants_fragment():
        body = render_template([fragment or _fragment_of(page), page], **context)
        body += render_template("shared/_messages.html")
    else:
        body = render_template(page, **context)
    response = make_response(body, status)
    response.vary.add("HX-Request")
    return response


def done(url: str, message: str | None = None, *, page: str | None = None, **context: Any) -> Response:
    """The answer to a good POST: say so, then go to `url` (303).

    For HTMX: the fragment of `page` if one is given, otherwise the browser goes to `url` as a whole.
    """
    if message:
        flash(message, "success")
    if wants_fragment() and page:
        return render(page, **context)
    return go(url)


def go(url: str) -> Response:
    """Send the browser to another page, whole, whoever asked."""
    if wants_fragment():
        return Response(status=204, headers={"HX-Redirect": url})
    return make_response(redirect(url, 303))


def announce(text: str) -> None:
    """Have screen readers told, once the fragment is in place: `announce("12 invoices found")`."""
    g.announcement = text


def url_with(**changes: str | None) -> str:
    """The address of this page with some query arguments changed, or dropped where None."""
    kept = {name: value for name, value in request.args.items() if name not in changes}
    added = {name: value for name, value in changes.items() if value is not None}
    return url_for(str(request.endpoint), **{**(request.view_args or {}), **kept, **added})


def _fragment_of(page: str) -> str:
    folder, _, name = page.rpartition("/")
    return f"{folder}/_{name}"
