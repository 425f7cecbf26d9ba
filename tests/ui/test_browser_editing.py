"""Editing in a real browser: blocks, links, parameters, undo, and what Python says of them."""

from playwright.sync_api import expect

from tests.ui.editor import EditorPage


def test_opens_a_design_checked_and_rendered(editor: EditorPage) -> None:
    expect(editor.page.get_by_text("No problems").first).to_be_visible()
    expect(editor.card("blocks")).to_contain_text("×4")
    expect(editor.wire("patch_embed.tokens->position.tokens")).to_contain_text("B (H/2)·(W/2) 64")
    expect(editor.page.locator(".lines")).to_contain_text("class DiT(nn.Module)")


def test_drop_connect_and_undo(editor: EditorPage) -> None:
    before = editor.document()
    editor.drop_block("LayerNorm", 140, 300)
    expect(editor.card("layer_norm")).to_be_visible()
    editor.settle()
    expect(editor.card("layer_norm").locator(".badge")).to_be_visible()  # its input is not connected

    editor.link("position.out", "layer_norm.x")
    editor.link("layer_norm.out", "blocks.x")
    editor.toast("Replaced the link from position.out")
    editor.settle()
    assert ["layer_norm.out", "blocks.x"] in editor.edges("DiT")
    assert ["position.out", "blocks.x"] not in editor.edges("DiT")
    expect(editor.wire("layer_norm.out->blocks.x")).to_contain_text("B (H/2)·(W/2) 64")
    expect(editor.card("layer_norm").locator(".badge")).to_have_count(0)
    editor.settle_code()
    expect(editor.page.locator(".lines")).to_contain_text("self.layer_norm = nn.LayerNorm(")

    for _ in range(3):
        editor.press("Control+z")
    assert editor.document()["definitions"] == before["definitions"]
    expect(editor.card("layer_norm")).to_have_count(0)
    editor.press("Control+y")
    expect(editor.card("layer_norm")).to_be_visible()


def test_parameter_changes_shape_badge_and_code(editor: EditorPage) -> None:
    editor.set("hidden_size", "96")
    expect(editor.wire("patch_embed.tokens->position.tokens")).to_contain_text("B (H/2)·(W/2) 96")
    editor.settle_code()
    expect(editor.page.locator(".lines")).to_contain_text("hidden_size: int = 96")

    editor.set("num_heads", "5")  # does not divide 96
    badge = editor.card("blocks").locator(".badge")
    expect(badge).to_be_visible()
    expect(badge).to_have_attribute("data-severity", "error")
    editor.press("Control+z")
    editor.settle()
    expect(badge).to_have_count(0)


def test_error_is_shown_at_its_origin_and_reached_by_a_click(editor: EditorPage) -> None:
    editor.set("num_heads", "5")
    editor.tab("problems")
    problem = editor.page.locator("[role=tabpanel] .item.error").first
    expect(problem).to_contain_text("DiTBlock/")
    problem.locator(".go").click()
    expect(editor.page.locator(".crumbs")).to_contain_text("DiTBlock")
    origin = editor.page.get_by_label("Node name").input_value()
    expect(editor.card(origin).locator(".badge")).to_be_visible()
    expect(editor.page.locator('[aria-label="Inspector"] .item.error').first).to_be_visible()


def test_refuses_a_cycle_and_a_wrong_role_with_a_reason(editor: EditorPage) -> None:
    edges = editor.edges("DiT")
    editor.link("final_layer.patches", "blocks.x")
    editor.toast("cycle")
    editor.drag(editor.output("t_embedder.c"), editor.input("patch_embed.x"))
    editor.toast("expects a feature map")
    assert editor.edges("DiT") == edges


def test_incompatible_ports_dim_while_dragging(editor: EditorPage) -> None:
    start = editor.output("t_embedder.c").bounding_box()
    assert start is not None
    editor.page.mouse.move(start["x"] + 4, start["y"] + 4)
    editor.page.mouse.down()
    editor.page.mouse.move(start["x"] + 60, start["y"] + 60, steps=4)
    expect(editor.page.locator('[data-port="in:patch_embed.x"].refused')).to_have_count(1)
    expect(editor.page.locator('[data-port="in:condition.b"].refused')).to_have_count(0)
    editor.page.mouse.up()


def test_link_dropped_on_a_card_takes_the_port_that_fits(editor: EditorPage) -> None:
    editor.drop_block("LayerNorm", 140, 300)
    expect(editor.card("layer_norm")).to_be_visible()
    editor.drag(editor.output("position.out"), editor.card("layer_norm").locator("b"))
    assert ["position.out", "layer_norm.x"] in editor.edges("DiT")


def test_link_dropped_on_canvas_offers_blocks_that_fit(editor: EditorPage) -> None:
    canvas = editor.page.locator(".canvas").bounding_box()
    assert canvas is not None
    editor.drag(editor.output("position.out"), (canvas["x"] + 100, canvas["y"] + 330))
    search = editor.page.get_by_label("Search blocks and nodes")
    expect(search).to_be_visible()
    expect(editor.page.locator('[data-hit="Conv2d"]')).to_have_count(0)
    search.fill("layer")
    editor.page.locator('[data-hit="LayerNorm"]').click()
    assert ["position.out", "layer_norm.x"] in editor.edges("DiT")


def test_search_adds_blocks_and_finds_nodes(editor: EditorPage) -> None:
    editor.page.keyboard.press("Control+k")
    search = editor.page.get_by_label("Search blocks and nodes")
    search.fill("silu")
    search.press("Enter")
    expect(editor.card("silu")).to_be_visible()
    editor.page.keyboard.press("Control+k")
    search.fill("add_msa")
    search.press("Enter")
    expect(editor.page.locator(".crumbs")).to_contain_text("DiTBlock")
    expect(editor.page.get_by_label("Node name")).to_have_value("add_msa")


def test_copy_paste_duplicate_delete_box_select(editor: EditorPage) -> None:
    editor.select("final_layer")
    editor.press("Control+d")
    expect(editor.card("final_layer_2")).to_be_visible()
    editor.press("Delete")
    expect(editor.card("final_layer_2")).to_have_count(0)

    editor.select("blocks")
    editor.press("Control+c")
    editor.press("Control+v")
    assert editor.nodes("DiT")["blocks_2"] == editor.nodes("DiT")["blocks"]
    editor.press("Control+z")

    pane = editor.page.locator(".svelte-flow__pane").bounding_box()
    assert pane is not None
    editor.page.keyboard.down("Shift")
    editor.page.mouse.move(pane["x"] + 60, pane["y"] + 60)
    editor.page.mouse.down()
    editor.page.mouse.move(pane["x"] + pane["width"] - 20, pane["y"] + pane["height"] - 20, steps=6)
    editor.page.mouse.up()
    editor.page.keyboard.up("Shift")
    expect(editor.page.locator('[aria-label="Inspector"] h2')).to_contain_text("nodes")
    editor.press("Delete")
    assert editor.nodes("DiT") == {}
    editor.press("Control+z")
    assert "blocks" in editor.nodes("DiT")


def test_rename_keeps_links_and_dragging_keeps_the_meaning(editor: EditorPage) -> None:
    editor.select("condition")
    name = editor.page.get_by_label("Node name")
    name.fill("cond")
    name.press("Enter")
    assert ["cond.out", "blocks.c"] in editor.edges("DiT")
    editor.settle()
    before = editor.document()
    x, y = 60.0, 20.0
    box = editor.card("cond").bounding_box()
    assert box is not None
    editor.page.mouse.move(box["x"] + x, box["y"] + y)
    editor.page.mouse.down()
    editor.page.mouse.move(box["x"] + x - 40, box["y"] + y + 50, steps=5)
    editor.page.mouse.up()
    editor.page.wait_for_function(
        "() => document.querySelector('.designer-host').editor.store.document.layout?.DiT?.cond"
    )
    after = editor.document()
    assert after["definitions"] == before["definitions"]


def test_code_and_canvas_are_linked(editor: EditorPage) -> None:
    editor.settle_code()
    editor.select("final_layer")
    expect(editor.page.locator(".line.lit").first).to_contain_text("final_layer")
    editor.page.locator(".line.linked", has_text="self.t_embedder =").first.click()
    expect(editor.page.get_by_label("Node name")).to_have_value("t_embedder")


def test_a_fix_is_previewed_applied_and_undone_in_one_step(editor: EditorPage) -> None:
    editor.set("num_heads", "5")
    before = editor.document()
    editor.tab("problems")
    item = editor.page.locator('[data-code="S010"]').first
    item.get_by_text("Set num_heads to 4").click()
    expect(item).to_contain_text("num_heads = 4")
    item.get_by_role("button", name="Apply").click()
    expect(editor.page.locator('[data-code="S010"]')).to_have_count(0)
    editor.settle()
    assert editor.document()["parameters"]["num_heads"] == 4
    editor.press("Control+z")
    editor.settle()
    assert editor.document() == before


def test_a_composite_of_the_library_becomes_the_designs_own(editor: EditorPage) -> None:
    editor.page.get_by_role("button", name="Composites").click()
    editor.drop_block("ResidualUpdate", 200, 300)
    editor.settle()
    assert "ResidualUpdate" in editor.document()["definitions"]
    editor.press("Control+z")
    editor.settle()
    assert "ResidualUpdate" not in editor.document()["definitions"]
