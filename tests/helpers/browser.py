"""A real browser: Debian's chromium, headless, talking to this machine alone."""

import os
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.helpers import needed

# Pictures of the pages, for a person to look at after the tests.
SCREENSHOTS = Path(os.environ.get("SCREENSHOTS", "screenshots"))
_QUIET = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
_QUIET += ["--disable-component-update", "--disable-sync", "--hide-scrollbars"]
# A camera that shows a moving pattern, and nobody to ask whether it may be used.
_CAMERA = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]


@contextmanager
def launched():
    """Yield a browser, and end it."""
    program = needed.chromium()
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []  # which root may not have
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=[*_QUIET, *_CAMERA, *sandbox])
        try:
            yield browser
        finally:
            browser.close()


def screenshot(page, name: str) -> None:
    """Keep a picture of what is to be seen, for a person."""
    page.wait_for_function("[...document.images].every((image) => image.complete && image.naturalWidth)")
    page.wait_for_timeout(500)  # bars grow
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png")


def page(browser: Browser, address: str, *, width: int = 1280, height: int = 860, dark: bool = False, on_request=None):
    """Return a page of a new visitor, who knows nothing of the others; ``on_request`` is called with each request."""
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light", accept_downloads=True
    )
    if on_request:
        context.on("request", on_request)
    opened = context.new_page()
    opened.set_default_timeout(120_000)  # of a machine on which all tests run at once
    opened.goto(address)
    return opened


def seen(page, other_than: str = ""):
    """Return the picture of what the model sees, by whose address one answer is told from another."""
    pictures = page.get_by_test_id("stImage").filter(has_text="What the model sees")
    return pictures.locator(f'img:not([src="{other_than}"])').first
