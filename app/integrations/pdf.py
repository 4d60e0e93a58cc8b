"""HTML to PDF by xhtml2pdf, with no way to reach files or hosts beyond our own fonts."""

import io
from pathlib import Path

import ttf_opensans

MAX_RENDER_SECONDS = 20
FONT_DIR = Path(ttf_opensans.__file__).parent / "ttf"


class CannotRender(Exception):
    """The document could not be made into a PDF."""


def render(html: str) -> bytes:
    """The PDF of a document. Raises CannotRender."""
    # Slow to import, and most processes never draw anything.
    from xhtml2pdf import pisa
    from xhtml2pdf.config.resources import ResourceAccessPolicy

    out = io.BytesIO()
    policy = ResourceAccessPolicy.server(FONT_DIR, allow_remote=False, max_render_seconds=MAX_RENDER_SECONDS)
    status = pisa.CreatePDF(html, dest=out, encoding="utf-8", resource_policy=policy)
    if status.err:
        raise CannotRender(f"xhtml2pdf reported {status.err} errors")
    return out.getvalue()
