"""Codes to scan, drawn as shapes: no inline style, and no picture that would have to be fetched."""

from io import BytesIO

import segno
from markupsafe import Markup


def qr_code(text: str, label: str) -> Markup:
    """An SVG of the code, dark on light whatever the page's colours: cameras want it so. `label` says what it is."""
    drawn = BytesIO()
    segno.make_qr(text, error="m").save(
        drawn, kind="svg", xmldecl=False, svgns=True, omitsize=True, light="#fff", border=4, svgclass="qr", title=label
    )
    return Markup(drawn.getvalue().decode().replace("<svg ", '<svg role="img" ', 1).strip())  # noqa: S704 - segno's
