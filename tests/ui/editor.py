"""A page of the editor as tests drive it: every step waits for what it causes, nothing sleeps."""

import json
from typing import Any

from playwright.sync_api import Locator, Page, expect

HANDLE = "document.querySelector('.designer-host').editor"


class EditorPage:
    """Wraps a Playwright page on which the editor runs."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def open(self) -> "EditorPage":
        """Load the page and wait until the first design is checked and rendered."""
        self.page.goto(self.url)
        self.page.wait_for_selector(".dd[data-ready=true]")
        self.settle()
        return self

    def settle(self) -> None:
        """Wait until Python has answered for the document as it is now, and the answer is drawn."""
        self.page.wait_for_function(f"() => {HANDLE}.store.checkedRevision === {HANDLE}.store.revision")

    def settle_code(self) -> None:
        """Wait until the code on screen belongs to the document as it is now."""
        self.page.wait_for_function(f"() => {HANDLE}.session.renderedRevision === {HANDLE}.store.revision")

    def document(self) -> dict[str, Any]:
        """Return the document as it is now."""
        return json.loads(self.page.evaluate(f"{HANDLE}.document()"))

    def nodes(self, definition: str) -> dict[str, Any]:
        """Return the nodes of a definition."""
        return self.document()["definitions"][definition]["nodes"]

    def edges(self, definition: str) -> list[list[str]]:
        """Return the edges of a definition."""
        return self.document()["definitions"][definition]["edges"]

    def card(self, node: str) -> Locator:
        """Return the card of a node."""
        return self.page.locator(f'.svelte-flow__node [data-node="{node}"]')

    def output(self, name: str) -> Locator:
        """Return an output port: "node.port", or "@in.x.x" for an input of the definition."""
        return self.page.locator(f'[data-port="out:{name}"]')

    def input(self, name: str) -> Locator:
        """Return an input port: "node.port", or "@out.y.y" for an output of the definition."""
        return self.page.locator(f'[data-port="in:{name}"]')

    def wire(self, name: str) -> Locator:
        """Return a wire by its ends: "source->target"."""
        return self.page.locator(f'[data-wire="{name}"]')

    def drop_block(self, block: str, x: float, y: float) -> None:
        """Drag a block from the palette onto the canvas, at a place in pixels of the canvas."""
        self.page.drag_and_drop(
            f'[data-block="{block}"]', ".svelte-flow__pane", target_position={"x": x, "y": y}
        )

    def drag(self, start: Locator, end: Locator | tuple[float, float]) -> None:
        """Press on the middle of `start`, release on the middle of `end` or at a place of the page."""
        x, y = middle(start)
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        to_x, to_y = end if isinstance(end, tuple) else middle(end)
        self.page.mouse.move((x + to_x) / 2, (y + to_y) / 2, steps=4)
        self.page.mouse.move(to_x, to_y, steps=4)
        self.page.mouse.up()

    def link(self, source: str, target: str) -> None:
        """Drag a link from an output to an input."""
        self.drag(self.output(source), self.input(target))

    def set(self, parameter: str, value: str) -> None:
        """Type a parameter's value in the inspector."""
        field = self.page.locator(f'[aria-label="Inspector"] [data-param="{parameter}"]')
        field.fill(value)
        field.press("Enter")
        self.settle()

    def select(self, node: str) -> None:
        """Select a node; the inspector shows it."""
        self.card(node).click(position={"x": 60, "y": 12})
        expect(self.page.get_by_label("Node name")).to_have_value(node)

    def tab(self, name: str) -> None:
        """Show a tab of the bottom panel."""
        self.page.click(f'[data-tab="{name}"]')

    def press(self, keys: str) -> None:
        """Press keys with the focus on the canvas."""
        self.page.locator(".canvas").focus()
        self.page.keyboard.press(keys)

    def toast(self, text: str) -> None:
        """Expect a message that contains `text`."""
        expect(self.page.locator(".toasts")).to_contain_text(text)

    def open_preset(self, preset: str) -> None:
        """Open a preset from the gallery."""
        self.page.keyboard.press("Control+o")
        self.page.click(f'[data-preset="{preset}"]')
        self.page.wait_for_function(f"() => {HANDLE}.store.document.preset === '{preset}'")
        self.settle()


def middle(locator: Locator) -> tuple[float, float]:
    """Return the middle of an element in pixels of the page."""
    box = locator.bounding_box()
    assert box is not None, "the element is not on screen"
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
