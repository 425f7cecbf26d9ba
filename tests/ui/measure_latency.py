"""How long an edit takes to be painted with what Python says of it: `python -m tests.ui.measure_latency [PRESET]…`.

Prints one JSON object: milliseconds for each preset, median and worst of thirty edits of one parameter.
"""

import json
import os
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from designer.presets import build
from designer.ui.app import launch
from tests.ui.editor import HANDLE, EditorPage

EDITS = 30
CHANGE = f"""(value) => {{
  const {{ store }} = {HANDLE};
  const name = Object.keys(store.document.parameters).find((one) => ['hidden_size', 'channels'].includes(one));
  store.apply('measure', (document) => ({{ ...document, parameters: {{ ...document.parameters, [name]: value }} }}));
}}"""


def measure(preset: str) -> dict[str, float]:
    """Return the median and the worst time of one preset, in milliseconds."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        app = launch(build(preset), port=None, workspace=Path(folder), block=False)
        chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        editor = EditorPage(browser.new_page(viewport={"width": 1440, "height": 900}), app.local_url).open()
        before = editor.page.evaluate(f"{HANDLE}.session.timings.length")
        for index in range(EDITS):
            editor.page.evaluate(CHANGE, 384 if index % 2 else 768)
            editor.settle()
            editor.page.wait_for_function(f"() => {HANDLE}.session.timings.length === {before + index + 1}")
        times = editor.page.evaluate(f"{HANDLE}.session.timings.slice({before})")
        cards = editor.page.evaluate(f"{HANDLE}.store.nodes.length")
        browser.close()
        app.close()
    return {"cards": cards, "median_ms": round(statistics.median(times), 1), "worst_ms": round(max(times), 1)}


def main() -> None:
    """Measure the presets named on the command line."""
    print(
        json.dumps(
            {preset: measure(preset) for preset in sys.argv[1:] or ["dit-s-2", "ddpm-cifar10"]}, indent=1
        )
    )


if __name__ == "__main__":
    main()
