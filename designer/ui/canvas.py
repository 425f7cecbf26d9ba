"""The Gradio component that hosts the editor: a prebuilt bundle, no Node.js at install or run time."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import gradio as gr

from designer.catalogue import catalogue
from designer.library import composites
from designer.ui.answers import Handler

_HERE = Path(__file__).resolve().parent
DIST = _HERE / "dist"


def bundle_version() -> str:
    """Return a short hash of the bundle, so that a browser never mixes two versions."""
    digest = hashlib.sha256()
    for name in ("editor.js", "editor.css"):
        digest.update((DIST / name).read_bytes())
    return digest.hexdigest()[:12]


def design_canvas(handlers: Sequence[Handler]) -> gr.HTML:
    """Place the editor. Its handlers are server functions: one JSON text in, JSON values out.

    The templates are constant and hold no value, otherwise Gradio would draw the page anew and with it throw
    the editor away; documents travel through the handlers only. A function, not a subclass of `gr.HTML`: Gradio
    writes a stub file beside the source of every subclass, which an installed package must not do.
    """
    blocks = [spec.to_json() for spec in catalogue().values()]
    library = [one.to_json() for one in composites().values()]
    return gr.HTML(
        value=None,
        elem_id="designer",
        html_template='<div class="designer-host"></div>',
        css_template="",
        js_on_load=(_HERE / "canvas.js").read_text(encoding="utf-8"),
        apply_default_css=False,
        server_functions=list(handlers),
        catalogue=json.dumps(blocks, separators=(",", ":"), ensure_ascii=False),
        library=json.dumps(library, separators=(",", ":"), ensure_ascii=False),
        dist=str(DIST),
        version=bundle_version(),
    )
