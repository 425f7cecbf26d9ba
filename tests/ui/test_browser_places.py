"""Where we are: nested definitions, presets, layouts, themes."""

from playwright.sync_api import expect

from tests.ui.editor import EditorPage, middle


def test_enter_edit_leave_and_undo_returns_to_the_place(editor: EditorPage) -> None:
    editor.card("blocks").dblclick()
    crumbs = editor.page.locator(".crumbs")
    expect(crumbs).to_contain_text("DiTBlock")
    expect(editor.card("attn")).to_be_visible()
    editor.card("mlp").dblclick()
    expect(editor.card("fc1")).to_be_visible()
    editor.select("act")
    editor.press("Delete")
    editor.settle()
    editor.press("Escape")
    expect(editor.card("mlp").locator(".badge")).to_be_visible()
    editor.press("Escape")
    editor.press("Escape")
    expect(editor.card("blocks").locator(".badge")).to_be_visible()
    expect(crumbs).not_to_contain_text("DiTBlock")

    editor.press("Control+z")
    expect(crumbs).to_contain_text("Mlp")
    expect(editor.card("act")).to_be_visible()
    editor.settle()
    editor.page.locator(".crumbs button", has_text="DiT").first.click()
    expect(editor.card("blocks").locator(".badge")).to_have_count(0)


def test_editing_one_call_edits_every_call(editor: EditorPage) -> None:
    editor.open_preset("ddpm-tiny")
    editor.card("mid").dblclick()
    editor.card("res1").dblclick()
    expect(editor.page.locator(".crumbs")).to_contain_text("ResBlock")
    editor.select("act1")
    editor.press("Delete")
    editor.settle()
    editor.page.locator(".crumbs button").first.click()
    for node in ("down_0", "mid", "up_0"):
        expect(editor.card(node).locator(".badge")).to_be_visible()


def test_a_unet_is_drawn_as_a_u(editor: EditorPage) -> None:
    editor.open_preset("ddpm-tiny")
    places = {name: middle(editor.card(name)) for name in ("down_0", "down_1", "up_0", "up_1", "mid")}
    for level in ("0", "1"):
        assert abs(places[f"down_{level}"][1] - places[f"up_{level}"][1]) < 3
        assert places[f"down_{level}"][0] < places["mid"][0] < places[f"up_{level}"][0]
    assert places["down_0"][1] < places["down_1"][1] < places["mid"][1]
    expect(editor.page.locator(".tap", has_text="time_mlp.").first).to_be_visible()


def test_a_dit_is_drawn_as_a_column(editor: EditorPage) -> None:
    trunk = [
        middle(editor.card(name))
        for name in ("patch_embed", "position", "blocks", "final_layer", "unpatchify")
    ]
    assert all(abs(x - trunk[0][0]) < 3 for x, _ in trunk)
    assert [y for _, y in trunk] == sorted(y for _, y in trunk)


def test_gallery_shows_parameter_counts(editor: EditorPage) -> None:
    editor.page.keyboard.press("Control+o")
    expect(editor.page.locator('[data-preset="ddpm-cifar10"]')).to_contain_text("35.7 M")
    editor.page.get_by_label("Search presets and files").fill("dit-xl/2")
    expect(editor.page.locator("[data-preset]").first).to_contain_text("DiT-XL")
    editor.page.keyboard.press("Escape")
    expect(editor.page.locator("dialog")).to_have_count(0)


def test_theme_follows_the_page(editor: EditorPage) -> None:
    light = editor.page.locator(".dd").evaluate("(element) => getComputedStyle(element).backgroundColor")
    editor.page.get_by_label("Switch theme").click()
    expect(editor.page.locator("body.dark")).to_have_count(1)
    dark = editor.page.locator(".dd").evaluate("(element) => getComputedStyle(element).backgroundColor")
    assert light != dark


def test_palette_searches_and_shows_what_blocks_stabilise(editor: EditorPage) -> None:
    editor.page.get_by_label("Search blocks", exact=True).fill("adaln")
    expect(editor.page.locator('[data-block="AdaLN"]')).to_be_visible()
    expect(editor.page.locator('[data-block="AdaLNZero"]')).to_contain_text("residual stream")
