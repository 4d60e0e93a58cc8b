"""What every answer tells the browser not to do (ASVS 5.0, 3.4). A view that needs other words sets them itself."""

from flask import Flask, Response

from app.settings import current_settings

CONTENT_SECURITY_POLICY = "; ".join(
    [
        "default-src 'self'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",  # Bootstrap's stylesheet draws its arrows and ticks as data: images
        "form-action 'self'",
        "frame-ancestors 'none'",
        "object-src 'none'",
        "base-uri 'none'",
    ]
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
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


def _add(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if current_settings().https:
        response.headers.setdefault("Strict-Transport-Security", STRICT_TRANSPORT)
    return response
