"""One server and one browser for all tests of the app; every test has a page, and where it saves a workspace, of its own."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from designer.presets import build
from designer.ui.app import launch
from tests.ui.editor import EditorPage

FLAGS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-gpu",
]
SIZE = {"width": 1440, "height": 900}


def chromium() -> str | None:
    """The Chromium of this machine: $CHROMIUM, the one on the path, or None for Playwright's own."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The browser of every test; without one the tests fail, they are never skipped."""
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        yield running
        running.close()


@pytest.fixture(scope="session")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an app that begins with the small DiT and has an empty workspace."""
    app = launch(build("dit-tiny"), port=None, workspace=tmp_path_factory.mktemp("workspace"), block=False)
    yield app.local_url
    app.close()


@pytest.fixture(scope="session")
def context(browser: Browser) -> Iterator[BrowserContext]:
    """One profile for all pages, since a warm cache halves the time; what a page keeps, it keeps in its own tab.

    Motion is reduced, so that nothing moves while it is clicked.
    """
    profile = browser.new_context(viewport=SIZE, reduced_motion="reduce")
    profile.set_default_timeout(20_000)
    yield profile
    profile.close()


@pytest.fixture
def new_page(context: BrowserContext) -> Iterator[Callable[[], Page]]:
    """Opens pages, and closes them at the end of the test."""
    pages: list[Page] = []

    def make() -> Page:
        pages.append(context.new_page())
        return pages[-1]

    yield make
    for page in pages:
        page.close()


@pytest.fixture
def editor(new_page: Callable[[], Page], url: str) -> Iterator[EditorPage]:
    """An open editor. At the end no script of the page may have failed."""
    page = EditorPage(new_page(), url).open()
    yield page
    assert page.errors == []


@pytest.fixture
def own_app(tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """Starts an app of its own on a preset; the workspace is the test's folder."""
    apps = []

    def start(preset: str) -> str:
        apps.append(launch(build(preset), port=None, workspace=tmp_path, block=False))
        return apps[-1].local_url

    yield start
    for app in apps:
        app.close()
