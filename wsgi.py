"""The WSGI application, for granian or any other WSGI server."""

from app import create_app

application = create_app()
