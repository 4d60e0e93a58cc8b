"""The page a gateway shows a payer: what it is about, and one button for each thing they can do."""

from collections.abc import Mapping
from html import escape

from simulators.calls import Answer


def page(title: str, sentence: str, choices: Mapping[str, str]) -> Answer:
    """A page whose buttons send `choice` back to its own address: `{"approve": "Approve"}`."""
    buttons = "".join(
        f'<button name="choice" value="{escape(value)}">{escape(label)}</button> ' for value, label in choices.items()
    )
    return Answer(
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<main><h1>{escape(title)}</h1><p>{escape(sentence)}</p>"
        f'<form method="post">{buttons}</form></main></html>'
    )


def tell_opener() -> Answer:
    """What a bank's page in a frame ends with: whoever opened it goes on."""
    return Answer("<!doctype html><title>Done</title><script>parent.postMessage({answered: true}, '*')</script>")


def send_back(url: str) -> Answer:
    """Send the payer on to an address."""
    return Answer("", 303, {"Location": url})
