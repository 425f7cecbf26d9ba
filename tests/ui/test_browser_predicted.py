"""The predicted stability: colours on the canvas, values in the inspector."""

from playwright.sync_api import expect

from tests.ui.editor import EditorPage


def test_the_canvas_is_coloured_by_what_is_predicted(editor: EditorPage) -> None:
    editor.open_preset("ddpm-tiny")
    page, chips = editor.page, editor.page.locator("[data-heat]")
    legend = page.get_by_role("group", name="Scale of the predicted stability")
    expect(chips).to_have_count(0)
    editor.press("Alt+v")
    expect(legend.get_by_role("radio", name="Activation")).to_be_checked()
    expect(editor.card("norm_out").locator("[data-heat]")).to_have_text("1")
    expect(editor.card("conv_out").locator("[data-heat]")).to_have_text("0")

    legend.get_by_role("radio", name="Gradient").click()
    expect(editor.card("conv_out").locator("[data-heat]")).to_have_text("1")
    expect(legend).to_contain_text("conv_out starts at 0")

    editor.select("norm_out")
    values = page.locator("[data-predicted] dd")
    expect(values.first).to_have_text("1")
    page.get_by_label("Predicted stability", exact=True).click()
    expect(chips).to_have_count(0)
