"""The browser of the tests: one that is there, or one that can be got. `python -m tests.browser` sees to it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

SYSTEM_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PACKAGES = ("chromium", "libatomic1")  # the second for playwright itself
HOW_TO = f"There is no browser for the tests: run `apt-get install {' '.join(PACKAGES)}` as root, or set CHROMIUM_PATH."


def launch_options() -> dict[str, object]:
    """What playwright is to be told: the system's browser if there is one, otherwise playwright's own."""
    path = system_browser()
    return {"args": list(FLAGS), **({"executable_path": path} if path else {})}


def system_browser() -> str | None:
    """CHROMIUM_PATH, or a Chromium on the PATH."""
    wanted = [os.environ.get("CHROMIUM_PATH", ""), *SYSTEM_BROWSERS]
    return next((found for name in wanted if name and (found := shutil.which(name))), None)


def starts() -> bool:
    """Whether a browser really starts: one that is there, and playwright itself, may still lack a library."""
    try:
        with sync_playwright() as playwright:
            playwright.chromium.launch(**launch_options()).close()  # type: ignore[arg-type]
    except Exception:  # playwright has no class of its own for a driver that does not run
        return False
    return True


def get() -> None:
    """Get a browser: from playwright, or as root from the distribution."""
    subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)
    if not starts() and os.geteuid() == 0 and shutil.which("apt-get"):
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for words in (["update", "-qq"], ["install", "-qqy", "--no-install-recommends", *PACKAGES]):
            subprocess.run(["apt-get", *words], env=quiet, check=False, stdout=subprocess.DEVNULL)


def main() -> None:
    """See to a browser, once for each environment. Without one the browser's tests fail; the others still run."""
    seen = Path(sys.prefix, "browser-starts")
    if seen.exists() and (system_browser() or "") == seen.read_text():
        return
    if not starts():
        get()
    if starts():
        seen.write_text(system_browser() or "")
    else:
        sys.stderr.write(f"{HOW_TO}\n")


if __name__ == "__main__":
    main()
