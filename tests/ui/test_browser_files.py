"""Nothing is lost: saving, reopening, reloading, a crash, two tabs on one design."""

import json
import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from designer.document import load
from tests.ui.editor import EditorPage

SERVER = re.compile("component_server")


def test_save_reload_and_reopen(
    own_app: Callable[[str], str], new_page: Callable[[], Page], tmp_path: Path
) -> None:
    url = own_app("dit-tiny")
    editor = EditorPage(new_page(), url).open()
    editor.set("hidden_size", "96")
    editor.press("Control+s")
    editor.page.get_by_label("File name").fill("mine")
    editor.page.keyboard.press("Enter")
    editor.toast("Saved mine.json")
    assert load(tmp_path / "mine.json").parameters["hidden_size"] == 96

    again = EditorPage(new_page(), url).open()
    assert again.document()["parameters"]["hidden_size"] == 64
    again.page.keyboard.press("Control+o")
    again.page.click('[data-file="mine.json"]')
    expect(again.wire("patch_embed.tokens->position.tokens")).to_contain_text("96")
    assert editor.errors == again.errors == []


def test_unsaved_edits_survive_a_reload(
    own_app: Callable[[str], str], new_page: Callable[[], Page], tmp_path: Path
) -> None:
    editor = EditorPage(new_page(), own_app("dit-tiny")).open()
    with editor.page.expect_response(lambda response: "autosave" in (response.request.post_data or "")):
        editor.set("hidden_size", "96")
    editor.page.reload()
    editor.page.wait_for_selector(".dd[data-ready=true]")
    assert editor.document()["parameters"]["hidden_size"] == 96
    editor.toast("Restored the edits of this tab")


def test_unsaved_edits_survive_the_tab(own_app: Callable[[str], str], new_page: Callable[[], Page]) -> None:
    url = own_app("dit-tiny")
    editor = EditorPage(new_page(), url).open()
    with editor.page.expect_response(lambda response: "autosave" in (response.request.post_data or "")):
        editor.set("hidden_size", "96")
    editor.page.close()
    other = EditorPage(new_page(), url).open()
    other.toast("Edits that were not saved")
    other.page.get_by_role("button", name="Recover").click()
    other.settle()
    assert other.document()["parameters"]["hidden_size"] == 96


def test_two_tabs_do_not_overwrite_each_other_in_silence(
    own_app: Callable[[str], str], new_page: Callable[[], Page], tmp_path: Path
) -> None:
    url = own_app("dit-tiny")
    tabs = [EditorPage(new_page(), url).open() for _ in range(2)]
    for tab, size in zip(tabs, ("96", "128"), strict=True):
        tab.set("hidden_size", size)
        tab.press("Control+s")
        tab.page.get_by_label("File name").fill("shared.json")
        tab.page.keyboard.press("Enter")
    tabs[1].toast("exists with other contents")
    assert load(tmp_path / "shared.json").parameters["hidden_size"] == 96
    tabs[1].page.get_by_role("button", name="Overwrite").click()
    tabs[1].toast("Saved shared.json")
    assert load(tmp_path / "shared.json").parameters["hidden_size"] == 128


def test_a_lost_connection_says_so_and_comes_back(editor: EditorPage) -> None:
    editor.page.route(SERVER, lambda route: route.abort())
    field = editor.page.locator('[data-param="hidden_size"]')
    field.fill("96")
    field.press("Enter")
    expect(editor.page.get_by_text("Connection lost")).to_be_visible()
    editor.page.unroute(SERVER)
    editor.settle()
    expect(editor.page.get_by_text("Connection lost")).to_have_count(0)
    expect(editor.wire("patch_embed.tokens->position.tokens")).to_contain_text("96")


def test_a_file_of_this_computer_opens_or_says_why_not(editor: EditorPage, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text(json.dumps({**editor.document(), "name": "Uploaded"}), encoding="utf-8")
    bad.write_text("{", encoding="utf-8")
    editor.page.keyboard.press("Control+o")
    editor.page.set_input_files("input[type=file]", good)
    expect(editor.page.get_by_label("Design name")).to_have_value("Uploaded")
    editor.page.once("dialog", lambda dialog: dialog.accept())
    editor.page.keyboard.press("Control+o")
    editor.page.set_input_files("input[type=file]", bad)
    editor.toast("not valid JSON")
    expect(editor.page.get_by_label("Design name")).to_have_value("Uploaded")


def test_two_tabs_on_one_file_learn_of_each_other(
    own_app: Callable[[str], str], new_page: Callable[[], Page], tmp_path: Path
) -> None:
    url = own_app("dit-tiny")
    first = EditorPage(new_page(), url).open()
    first.press("Control+s")
    first.page.get_by_label("File name").fill("shared")
    first.page.keyboard.press("Enter")
    first.toast("Saved shared.json")
    second = EditorPage(new_page(), url).open()
    second.page.keyboard.press("Control+o")
    second.page.click('[data-file="shared.json"]')
    for tab in (first, second):
        tab.toast("shared.json is open in another tab too")
    second.set("depth", "3")
    second.press("Control+s")
    first.toast("shared.json was saved in another tab")
    first.set("depth", "2")
    first.press("Control+s")
    first.toast("exists with other contents")
    assert load(tmp_path / "shared.json").parameters["depth"] == 3
