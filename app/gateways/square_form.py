"""Square's card form on our page (developer.squareup.com/docs/web-payments/content-security-policy)."""

from app.gateways.square_sdk import LIVE, SANDBOX
from app.gateways.types import BrowserForm

# What the form gives: a card's one-time nonce. A kept card (`ccof:`) or a payment's id is no such thing.
NONCE = r"cnon:[\w:-]{1,200}"
_FONTS = ("https://square-fonts-production-f.squarecdn.com", "https://d1g145x70srn7h.cloudfront.net")
_CARDINAL = "https://geoissuer.cardinalcommerce.com"  # asks on behalf of banks (3-D Secure)
_REPORTS = "https://o160250.ingest.sentry.io"


def form_at(base_url: str) -> BrowserForm:
    """The form that goes with an account's address: Square's own, its sandbox's, or a stand-in's."""
    if base_url == SANDBOX:
        return _form("https://sandbox.web.squarecdn.com", "squareupsandbox.com")
    return _form("https://web.squarecdn.com", "squareup.com").at(base_url if base_url != LIVE else "")


def _form(cdn: str, api: str) -> BrowserForm:
    sources = {
        "script-src": (cdn,),
        "style-src": (cdn,),
        "img-src": (cdn,),
        "font-src": _FONTS,
        "frame-src": (cdn, f"https://connect.{api}", f"https://api.{api}", _CARDINAL),
        "connect-src": (cdn, f"https://connect.{api}", f"https://pci-connect.{api}", _REPORTS),
    }
    return BrowserForm(f"{cdn}/v1/square.js", sources, gives=NONCE)
