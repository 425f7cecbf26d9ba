"""The road to a trained and an exported model, through the browser."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.ui.editor import EditorPage

MINUTES = 240_000  # milliseconds: PyTorch is loaded twice


@pytest.mark.slow
def test_train_stop_and_export(own_app: Callable[[str], str], new_page: Callable[[], Page]) -> None:
    editor = EditorPage(new_page(), own_app("dit-tiny")).open()
    page = editor.page
    editor.tab("training")
    page.fill("input[name=steps]", "4")
    page.select_option("form select >> nth=1", "cpu")
    page.locator("form").get_by_role("button", name="Start").click()
    expect(page.locator("[data-verdict]")).to_be_visible(timeout=MINUTES)
    expect(page.locator("figure svg path.strong")).to_have_count(2)

    page.fill("input[name=steps]", "100000")
    page.locator("form").get_by_role("button", name="Start").click()
    expect(page.locator(".figures")).to_contain_text("of 100000", timeout=MINUTES)
    page.keyboard.press("Control+Alt+Enter")
    expect(page.locator('[data-verdict="cancelled"]')).to_be_visible(timeout=MINUTES)

    editor.tab("export")
    page.locator("form").get_by_role("button", name="Export to ONNX").click()
    expect(page.locator("[data-ok=true]")).to_be_visible(timeout=MINUTES)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename.endswith(".zip")
    assert editor.errors == []


def test_a_design_with_errors_cannot_be_trained_and_says_why(editor: EditorPage) -> None:
    editor.set("num_heads", "5")
    button = editor.page.get_by_role("button", name="Smoke-train")
    expect(button).to_be_disabled()
    expect(button).to_have_attribute("title", "Solve the error first")
