"""What every answer tells the browser not to do (ASVS 5.0, 3.4). A view that needs other words sets them itself."""

from collections.abc import Mapping, Sequence

from flask import Flask, Response

from app.settings import current_settings

POLICY: Mapping[str, str] = {
    "default-src": "'self'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",  # Bootstrap's stylesheet draws its arrows and ticks as data: images
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "object-src": "'none'",
    "base-uri": "'none'",
}


def policy(sources: Mapping[str, Sequence[str]]) -> str:
    """The Content-Security-Policy, with hosts let in besides by directive: `{"frame-src": ("https://bank.example",)}`."""
    added = {name: " ".join((POLICY.get(name, "'self'"), *hosts)) for name, hosts in sources.items()}
    return "; ".join(f"{name} {words}" for name, words in {**POLICY, **added}.items())


HEADERS = {
    "Content-Security-Policy": policy({}),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # reset links must not leave the house; CSRF over https needs it inside
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), usb=(), payment=(self)",
    "Cache-Control": "no-store, private",
}
STRICT_TRANSPORT = "max-age=63072000; includeSubDomains"


def register(app: Flask) -> None:
    """Add the headers to every answer that does not have them already."""
    app.after_request(_add)


def let_in(response: Response, sources: Mapping[str, Sequence[str]]) -> None:
    """Let this one answer show a form of somebody else's, from these hosts by directive. All others stay strict."""
    framed = " ".join(f'"{host}"' for host in sources.get("frame-src", ()) if "*" not in host)
    response.headers["Content-Security-Policy"] = policy(sources)
    response.headers["Cross-Origin-Opener-Policy"] = "same-origin-allow-popups"  # banks may ask in a window of theirs
    response.headers["Permissions-Policy"] = (
        f"camera=(), geolocation=(), microphone=(), usb=(), payment=(self {framed})"
    )


def _add(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if current_settings().https:
        response.headers.setdefault("Strict-Transport-Security", STRICT_TRANSPORT)
    return response
