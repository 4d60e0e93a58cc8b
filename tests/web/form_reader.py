"""The forms of a page as a browser would send them: hidden fields, defaults and all."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

Attributes = list[tuple[str, str | None]]


@dataclass(slots=True)
class FilledForm:
    """Where a form is sent, and what is in its fields."""

    action: str
    fields: dict[str, list[str]] = field(default_factory=dict)


class FormReader(HTMLParser):
    """Collects the forms that are sent by POST."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[FilledForm] = []
        self._form: FilledForm | None = None
        self._select = self._textarea = ""

    def handle_starttag(self, tag: str, attributes: Attributes) -> None:
        given = dict(attributes)
        if tag == "form" and given.get("method") == "post":
            self._form = FilledForm(given.get("action") or "")
            self.forms.append(self._form)
        elif self._form and tag == "input":
            self._input(given)
        elif tag == "select":
            self._select = given.get("name") or ""
        elif tag == "option" and self._form and ("selected" in given or self._select not in self._form.fields):
            self._form.fields[self._select] = [given.get("value") or ""]
        elif tag == "textarea":
            self._textarea = given.get("name") or ""
            self._keep(self._textarea, "")

    def handle_data(self, text: str) -> None:
        if self._textarea and self._form:
            self._form.fields[self._textarea] = [text.strip()]

    def handle_endtag(self, tag: str) -> None:
        self._textarea = "" if tag == "textarea" else self._textarea
        self._form = None if tag == "form" else self._form

    def _input(self, given: dict[str, str | None]) -> None:
        ticks = given.get("type") in ("checkbox", "radio")
        if given.get("name") and (not ticks or "checked" in given):
            self._keep(str(given["name"]), given.get("value") or ("on" if ticks else ""))

    def _keep(self, name: str, value: str) -> None:
        if self._form:
            self._form.fields.setdefault(name, []).append(value)


def forms_of(page: str) -> list[FilledForm]:
    """The POST forms of a page, in their order."""
    reader = FormReader()
    reader.feed(page)
    return reader.forms
