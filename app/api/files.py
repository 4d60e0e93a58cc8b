"""Documents as answers."""

from flask import Response

from app.models import Document
from app.services import documents


def download(document: Document) -> Response:
    """A kept document, to be saved under its own name."""
    disposition = {"Content-Disposition": f'attachment; filename="{document.filename}"'}
    return Response(documents.content(document), headers=disposition, content_type=document.content_type)
