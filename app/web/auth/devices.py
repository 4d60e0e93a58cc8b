"""What a browser says it is, in words that its owner knows."""

# The order matters: most browsers also name the ones they descend from.
BROWSERS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


def device(user_agent: str | None) -> str:
    """`Firefox on Linux`, out of a User-Agent header."""
    agent = user_agent or ""
    return f"{_first(BROWSERS, agent, 'A browser')} on {_first(SYSTEMS, agent, 'an unknown system')}"


def _first(table: tuple[tuple[str, str], ...], agent: str, otherwise: str) -> str:
    return next((name for mark, name in table if mark in agent), otherwise)
