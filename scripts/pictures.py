"""Take the pictures of the editor that the documentation shows: `python -m scripts.pictures [FOLDER]`.

Each main state is drawn at 1440×900 and 1920×1080, light and dark, in the Chromium that the browser tests use.
"""

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from designer.presets import build
from designer.ui.app import launch
from tests.ui.conftest import FLAGS, chromium
from tests.ui.editor import EditorPage

ROOT = Path(__file__).resolve().parent.parent
SIZES = {"1440": (1440, 900), "1920": (1920, 1080)}


def _code(editor: EditorPage) -> None:
    editor.tab("code")
    editor.settle_code()


def _broken(editor: EditorPage) -> None:
    editor.set("num_heads", "5")
    editor.tab("problems")


def _gallery(editor: EditorPage) -> None:
    editor.page.get_by_role("button", name="Presets").click()
    editor.page.wait_for_selector("dialog[open] [data-preset]")


# Name of the picture: the preset that is open, and what is done to it.
STATES: dict[str, tuple[str, Callable[[EditorPage], None]]] = {
    "unet": ("ddpm-cifar10", lambda editor: None),
    "dit-code": ("dit-s-2", _code),
    "error": ("dit-s-2", _broken),
    "gallery": ("dit-s-2", _gallery),
}


def _shoot(browser: Browser, url: str, state: str, act: Callable[[EditorPage], None], folder: Path) -> None:
    for size, (width, height) in SIZES.items():
        for scheme in ("light", "dark"):
            profile = browser.new_context(
                viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion="reduce"
            )
            editor = EditorPage(profile.new_page(), f"{url}?__theme={scheme}").open()
            act(editor)
            editor.page.wait_for_timeout(400)  # fonts and the last frame
            editor.page.screenshot(path=folder / f"{state}-{size}-{scheme}.png")
            profile.close()


def main() -> None:
    """Draw every state into the folder named on the command line (default: docs/images)."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "images"
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        for state, (preset, act) in STATES.items():
            with tempfile.TemporaryDirectory() as workspace:
                app = launch(build(preset), port=None, workspace=Path(workspace), block=False)
                _shoot(browser, app.local_url, state, act, folder)
                app.close()
        browser.close()


if __name__ == "__main__":
    main()
