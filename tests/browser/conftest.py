"""One JupyterLab and one browser for all browser tests."""

import pytest
from rail import CHROMIUM, CHROMIUM_ARGUMENTS, Lab, NotebookPage, why_not


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """A running JupyterLab; where there is no browser, the test is skipped and says why."""
    if why_not():
        pytest.skip(why_not())
    server = Lab(tmp_path_factory.mktemp("lab"))
    try:
        server.wait()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def browser():
    """Debian's Chromium without a window. Playwright starts once per process; a second start would fail."""
    if why_not():
        pytest.skip(why_not())
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=CHROMIUM_ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def open_notebook(lab, browser):
    """A function that opens a copy of a notebook in a page of its own; use it in a `with` statement."""

    def open_one(path):
        page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
        try:
            return NotebookPage(page, lab.url, lab.add(path))
        except BaseException:
            page.context.close()
            raise

    return open_one
