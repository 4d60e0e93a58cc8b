"""The pictures of the documentation: `make screenshots` takes them from a demo of its own, in a real browser.

Each row of a table is a picture: its file in docs/images/, and the page that is shown, or the link that leads there.
"""

import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from app.services.demo import PASSWORD
from tests.browser import launch_options
from tests.commands import Up

IMAGES = Path(__file__).parent.parent / "docs" / "images"
SIZE = {"width": 1280, "height": 860}
# Picture → the page, and then what is pressed on it: the first link inside of what the selector finds.
Pictures = Mapping[str, tuple[str, str | None]]
ADMIN: Pictures = {
    "dashboard": ("/admin/", None),
    "customers": ("/admin/customers/", None),
    "customer": ("/admin/customers/", "main tbody a"),
    "subscription": ("/admin/subscriptions/?status=active", "main tbody a[href*='/subscriptions/']"),
    "invoice": ("/admin/invoices/?status=paid", "main tbody a"),
    "ledger": ("/admin/ledger/", None),
}
CUSTOMER: Pictures = {
    "portal": ("/portal/", None),
    "portal-invoice": ("/portal/invoices/", "main tbody a"),
    "portal-methods": ("/portal/payment-methods/", None),
}
SHOWN: Mapping[str, Pictures] = {"admin@maple.example": ADMIN, "pay@aurora.example": CUSTOMER}


def main() -> None:
    """Take them all, or those whose names are given."""
    wanted = set(sys.argv[1:])
    IMAGES.mkdir(exist_ok=True)
    with demo() as address, sync_playwright() as driver:
        browser = driver.chromium.launch(**launch_options())  # type: ignore[arg-type]
        for email, pictures in SHOWN.items():
            page = signed_in(browser, address, email)
            for name, (path, pressed) in pictures.items():
                if not wanted or name in wanted:
                    take(page, f"{address}{path}", pressed, IMAGES / f"{name}.png")
        browser.close()


@contextmanager
def demo() -> Iterator[str]:
    """The address of a `quittance up` with its demo data."""
    with tempfile.TemporaryDirectory(prefix="quittance-pictures-") as directory:
        up = Up(Path(directory) / "data")
        try:
            yield up.address
        finally:
            up.end()


def signed_in(browser: Browser, address: str, email: str) -> Page:
    page = browser.new_context(viewport=SIZE, color_scheme="light", locale="en-CA").new_page()  # type: ignore[arg-type]
    page.goto(f"{address}/sign-in")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda url: "sign-in" not in url)
    return page


def take(page: Page, address: str, pressed: str | None, file: Path) -> None:
    page.goto(address)
    if pressed:
        page.locator(pressed).first.click()
        page.wait_for_load_state("networkidle")
    page.screenshot(path=file)
    sys.stdout.write(f"{file.name}\n")


if __name__ == "__main__":
    main()
