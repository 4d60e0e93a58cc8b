"""An empty view of a bare Flask application, in the web server that serves ours: `python -m bench.empty_view`."""

import click
from flask import Flask, request

from app.config import Settings, load_settings
from app.server import serve


def empty(_settings: Settings) -> Flask:
    """It answers with nothing, at the addresses of webhooks and at the one that tells that it runs."""
    app = Flask("empty")
    app.add_url_rule("/webhooks/<gateway>/<key>", "empty", _nothing, methods=["POST"])
    app.add_url_rule("/health/live", "live", lambda: "")
    return app


def _nothing(**_parts: str) -> bytes:
    """What was sent is read, because the server hangs up on who sends what nobody reads."""
    return request.get_data()[:0]


@click.command()
@click.option("--host")
@click.option("--port", type=int)
def main(host: str, port: int) -> None:
    """Serve it until the end of the run."""
    serve(load_settings(), host, port, empty)


if __name__ == "__main__":
    main()
