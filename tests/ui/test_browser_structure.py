"""Definitions made and dissolved, nodes switched off, what is drawn beside them, and every action without a mouse."""

import json
from pathlib import Path

from playwright.sync_api import expect

from designer.document import loads
from tests.ui.editor import HANDLE, EditorPage


def test_a_selection_becomes_a_definition_and_back(editor: EditorPage) -> None:
    before = editor.document()
    editor.select("t_embedder")
    for name in ("y_embedder", "condition"):
        editor.card(name).click(position={"x": 60, "y": 12}, modifiers=["Control"])
    editor.press("Control+Shift+E")
    editor.settle()
    assert editor.nodes("DiT")["part"]["call"] == "Part"
    made = editor.document()["definitions"]["Part"]
    assert set(made["parameters"]) == {"hidden_size", "num_classes", "class_dropout"}
    expect(editor.page.get_by_text("No problems").first).to_be_visible()
    editor.press("Enter")
    editor.page.get_by_label("Definition name").fill("Conditioning")
    editor.page.keyboard.press("Enter")
    editor.settle()
    assert editor.nodes("DiT")["part"]["call"] == "Conditioning"
    editor.press("Escape")
    editor.select("part")
    editor.press("Control+Shift+G")
    editor.settle()
    after = editor.document()
    assert after["definitions"]["DiT"]["nodes"].keys() == before["definitions"]["DiT"]["nodes"].keys()
    assert "Conditioning" not in after["definitions"]
    assert loads(json.dumps(after)).definitions["DiT"].edges != ()
    for _ in range(3):
        editor.press("Control+z")
    assert editor.document()["definitions"] == before["definitions"]


def test_a_parameter_is_promoted_in_one_step(editor: EditorPage) -> None:
    editor.card("blocks").dblclick()
    editor.select("norm1")
    editor.page.get_by_label("Promote eps").click()
    editor.settle()
    definition = editor.document()["definitions"]["DiTBlock"]
    assert definition["nodes"]["norm1"]["params"]["eps"] == "eps" and "eps" in definition["parameters"]
    expect(editor.page.get_by_label("Promote eps")).to_be_disabled()
    expect(editor.page.get_by_label("Promote eps")).to_have_attribute(
        "title", "eps is the expression eps: promote what it reads instead"
    )
    editor.press("Control+z")
    assert "eps" not in editor.document()["definitions"]["DiTBlock"]["parameters"]


def test_bypass_and_mute_are_conditions_with_reasons(editor: EditorPage) -> None:
    editor.select("t_embedder")
    editor.press("Control+b")
    editor.toast("t_embedder turns timestep into vector")
    editor.select("y_embedder")
    editor.press("Control+m")
    editor.settle()
    assert editor.nodes("DiT")["condition"]["when"] == "False"
    expect(editor.card("y_embedder").get_by_label("muted")).to_be_visible()
    expect(editor.card("condition").get_by_label("bypassed")).to_be_visible()
    expect(editor.page.get_by_text("No problems").first).to_be_visible()
    editor.select("condition")
    editor.press("Control+b")
    editor.settle()
    assert "when" not in editor.nodes("DiT")["condition"]


def test_frames_notes_pins_and_folds_do_not_change_the_meaning(editor: EditorPage) -> None:
    meaning = loads(json.dumps(editor.document())).hash()
    editor.select("condition")
    editor.press("Alt+c")
    expect(editor.card("condition").locator(".subtitle")).to_have_count(0)
    editor.press("p")
    expect(editor.card("condition").get_by_label("pinned")).to_be_visible()
    place = editor.card("condition").bounding_box()
    editor.press("ArrowDown")
    assert editor.card("condition").bounding_box() == place
    editor.press("Control+g")
    title = editor.page.get_by_label("Title of the frame")
    title.fill("Conditioning")
    title.press("Enter")
    editor.press("n")
    note = editor.page.get_by_label("Text of the note")
    note.fill("ask the authors")
    note.blur()
    document = editor.document()
    boxes = document["layout"]["DiT"]["@decor"]["boxes"]
    assert {box["text"] for box in boxes.values()} == {"Conditioning", "ask the authors"}
    assert loads(json.dumps(document)).hash() == meaning
    editor.press("Delete")
    expect(note).to_have_count(0)


def test_every_command_is_reached_by_keys_with_reasons(editor: EditorPage) -> None:
    editor.page.keyboard.press("Control+Shift+P")
    search = editor.page.get_by_label("Search commands")
    search.fill("redo")
    expect(editor.page.locator('[data-hit="redo"]')).to_contain_text("Nothing to redo")
    expect(editor.page.locator('[data-hit="redo"]')).to_have_attribute("aria-disabled", "true")
    search.fill("minimap")
    search.press("Enter")
    expect(editor.page.locator(".svelte-flow__minimap")).to_be_visible()
    editor.page.keyboard.press("Control+k")
    editor.page.get_by_label("Search blocks and nodes").fill(">minimap")
    editor.page.keyboard.press("Enter")
    expect(editor.page.locator(".svelte-flow__minimap")).to_have_count(0)


def test_a_block_is_added_connected_and_set_without_a_mouse(editor: EditorPage) -> None:
    editor.page.keyboard.press("Control+k")
    editor.page.get_by_label("Search blocks and nodes").fill("LayerNorm")
    editor.page.keyboard.press("Enter")
    expect(editor.card("layer_norm")).to_be_visible()
    editor.page.keyboard.press("Control+k")
    editor.page.get_by_label("Search blocks and nodes").fill("position")
    editor.page.locator('[data-hit="position"]').first.wait_for()
    editor.page.evaluate(f"{HANDLE}.store.jump('DiT', 'position')")
    editor.press("c")
    editor.page.get_by_label("Search ports").fill("layer_norm")
    editor.page.keyboard.press("Enter")
    assert ["position.out", "layer_norm.x"] in editor.edges("DiT")
    editor.press("]")
    assert editor.page.get_by_label("Node name").input_value() != "position"


def test_the_canvas_is_exported_as_svg_and_png(editor: EditorPage, tmp_path: Path) -> None:
    for kind, start in (("svg", b"<svg"), ("png", b"\x89PNG")):
        editor.page.keyboard.press("Control+Shift+P")
        editor.page.get_by_label("Search commands").fill(f"canvas as {kind}")
        with editor.page.expect_download() as download:
            editor.page.keyboard.press("Enter")
        path = tmp_path / download.value.suggested_filename
        download.value.save_as(path)
        assert path.name == f"dit-DiT.{kind}" and path.read_bytes().startswith(start)


def test_the_last_edit_is_shown_as_a_difference_of_the_source(editor: EditorPage) -> None:
    editor.settle_code()
    editor.set("hidden_size", "96")
    editor.settle_code()
    editor.page.get_by_label("What the last edit changed").click()
    expect(editor.page.locator(".line.removed", has_text="hidden_size: int = 64")).to_have_count(1)
    expect(editor.page.locator(".line.added", has_text="hidden_size: int = 96")).to_have_count(1)


def test_a_file_is_dropped_on_the_canvas(editor: EditorPage) -> None:
    text = json.dumps({"_class_name": "UNet2DModel", "block_out_channels": [32, 64], "layers_per_block": 1, "sample_size": 16,
                       "down_block_types": ["DownBlock2D"] * 2, "up_block_types": ["UpBlock2D"] * 2})  # fmt: skip
    editor.page.evaluate(
        """text => {
            const data = new DataTransfer();
            data.items.add(new File([text], 'config.json', { type: 'application/json' }));
            document.querySelector('.canvas').dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true }));
        }""",
        text,
    )
    editor.page.wait_for_function(f"() => {HANDLE}.store.document.name !== 'DiT'")
    editor.settle()
    expect(editor.page.get_by_text("No problems").first).to_be_visible()


def test_two_designs_are_compared_with_one_selection(editor: EditorPage) -> None:
    editor.set("depth", "3")
    editor.select("final_layer")
    editor.press("Delete")
    editor.page.keyboard.press("Control+Shift+P")
    editor.page.get_by_label("Search commands").fill("compare")
    editor.page.keyboard.press("Enter")
    changes = editor.page.get_by_label("Changes")
    changes.get_by_text("DiT/final_layer").first.click()
    expect(
        editor.page.locator('figure [data-card="final_layer"].chosen[data-change="removed"]')
    ).to_have_count(1)
    editor.page.locator('figure [data-card="blocks"]').first.click()
    expect(editor.page.locator('figure [data-card="blocks"].chosen')).to_have_count(2)


def test_the_tour_ends(editor: EditorPage) -> None:
    editor.page.evaluate(f"{HANDLE}.store.surface.dialog = 'tour'")
    for _ in range(4):
        editor.page.get_by_role("button", name="Next", exact=True).click()
    editor.page.get_by_role("button", name="Done").click()
    expect(editor.page.get_by_role("dialog")).to_have_count(0)


def test_ports_of_a_definition_change_at_every_call(editor: EditorPage) -> None:
    editor.card("blocks").dblclick()
    expect(editor.card("adaln")).to_be_visible()
    name = editor.page.get_by_label("Name of the input c")
    name.fill("condition")
    name.press("Enter")
    editor.settle()
    assert ["condition.out", "blocks.condition"] in editor.edges("DiT")
    expect(editor.page.get_by_text("No problems").first).to_be_visible()
    editor.page.get_by_label("Move condition up").click()
    assert [port["name"] for port in editor.document()["definitions"]["DiTBlock"]["inputs"]] == [
        "condition",
        "x",
    ]


def test_a_kept_definition_is_offered_in_the_palette(editor: EditorPage) -> None:
    editor.card("blocks").dblclick()
    expect(editor.card("adaln")).to_be_visible()
    editor.page.keyboard.press("Control+Shift+P")
    editor.page.get_by_label("Search commands").fill("my palette")
    editor.page.keyboard.press("Enter")
    editor.toast("DiTBlock is in your palette")
    editor.open_preset("ddpm-tiny")
    editor.drop_block("DiTBlock", 120, 300)
    assert {"DiTBlock", "Mlp"} <= editor.document()["definitions"].keys()
    editor.press("Control+z")
    editor.page.get_by_label("Keep DiTBlock no longer").click()
    expect(editor.page.locator('[data-block="DiTBlock"]')).to_have_count(0)


def test_alt_drag_leaves_the_node_and_drags_a_copy(editor: EditorPage) -> None:
    box = editor.card("y_embedder").bounding_box()
    assert box is not None
    editor.page.keyboard.down("Alt")
    editor.page.mouse.move(box["x"] + 60, box["y"] + 14)
    editor.page.mouse.down()
    editor.page.mouse.move(box["x"] - 60, box["y"] + 200, steps=6)
    editor.page.mouse.up()
    editor.page.keyboard.up("Alt")
    expect(editor.card("y_embedder_2")).to_be_visible()
    assert editor.nodes("DiT")["y_embedder_2"] == editor.nodes("DiT")["y_embedder"]
    place = editor.card("y_embedder").bounding_box()
    assert place is not None and abs(place["x"] - box["x"]) < 2


def test_keys_are_bound_anew_and_given_back(editor: EditorPage) -> None:
    editor.press("?")
    editor.page.locator('[data-keys="minimap"]').click()
    editor.page.keyboard.press("g")
    expect(editor.page.locator('[data-keys="minimap"]')).to_contain_text("G")
    editor.page.keyboard.press("Escape")
    editor.press("g")
    expect(editor.page.locator(".svelte-flow__minimap")).to_be_visible()
    editor.press("?")
    editor.page.get_by_role("button", name="All keys as they were").click()
    editor.page.keyboard.press("Escape")
    editor.press("Alt+m")
    expect(editor.page.locator(".svelte-flow__minimap")).to_have_count(0)
