"""The app: places the canvas, offers the same functions as endpoints, and is launched from here."""

import os

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

import json
from collections.abc import Sequence
from pathlib import Path

import gradio as gr
from gradio.events import api

from designer.document import Design
from designer.ui import handlers, imports
from designer.ui.answers import Handler, answering
from designer.ui.canvas import DIST, design_canvas
from designer.ui.designs import Designs, describe_device, first_design
from designer.ui.exports import Exports
from designer.ui.palette import Palette
from designer.ui.runs import Runs
from designer.ui.theme import CSS, theme
from designer.ui.workspace import Workspace

TITLE = "Diffusion Architecture Designer"


def default_workspace() -> Path:
    """Return the folder where designs, runs and exports go unless another is named."""
    return Path.cwd() / "workspace"


def build_app(design: Design | None, workspace: Path, file: str | None = None) -> gr.Blocks:
    """Return the app for a design (a preset when None), with `workspace` for designs, runs and exports.

    `file` names the workspace file that `design` was read from, so that saving writes it back.
    """
    space = Workspace(workspace)
    runs = Runs(space.folder / "runs")
    exports = Exports(space.folder / "exports", runs.folder)
    palette = Palette(space.folder)
    designs = Designs(space, first_design(design, space, file), describe_device())
    app = gr.Blocks(title=TITLE, analytics_enabled=False, fill_width=True, fill_height=True)
    with app:
        design_canvas([answering(handler) for handler in _handlers(designs, palette, runs, exports)])
        api(check, api_name="check")
        api(render, api_name="render")
    return app


def _handlers(designs: Designs, palette: Palette, runs: Runs, exports: Exports) -> Sequence[Handler]:
    return (
        handlers.check_design, handlers.render_design, handlers.annotate, handlers.predict_stability, handlers.apply_fix, handlers.compare_designs,
        handlers.package_design,
        designs.start_session, designs.list_presets, designs.open_preset, designs.list_files, designs.open_file,
        palette.list_palette, palette.keep_definition, palette.forget_definition,
        imports.read_file, designs.save_file, designs.autosave,
        runs.start_training, runs.training_events, runs.cancel_training,
        exports.start_export, exports.export_status, exports.cancel_export,
    )  # fmt: skip


def check(design: str) -> str:
    """Check a design (JSON text): JSON text of {ok, certificate, diagnostics, shapes, summary}."""
    return json.dumps(handlers.check_design(design), ensure_ascii=False)


def render(design: str) -> str:
    """Render a design (JSON text): JSON text of {source, source_map}."""
    return json.dumps(handlers.render_design(design), ensure_ascii=False)


def launch(
    design: Design | None = None,
    host: str = "127.0.0.1",
    port: int | None = 7860,
    auth: Sequence[tuple[str, str]] | None = None,
    open_browser: bool = False,
    workspace: Path | None = None,
    file: Path | None = None,
    block: bool = True,
) -> gr.Blocks:
    """Serve the app; prints its address. Returns when stopped, or at once when `block` is false.

    `file` is where `design` was read from: saving writes it back, and its folder is the workspace unless one is
    named. Only files of the bundle and exports can be fetched. `auth` is a list of (user, password).
    Raises OSError when the port is taken.
    """
    folder = workspace or (file.parent if file else default_workspace())
    name = file.name if file is not None and file.resolve().parent == folder.resolve() else None
    gr.set_static_paths([DIST])
    app = build_app(design, folder, name)
    app.queue(default_concurrency_limit=4).launch(
        server_name=host,
        server_port=port,
        auth=list(auth) if auth else None,
        inbrowser=open_browser,
        prevent_thread_lock=not block,
        quiet=True,
        show_error=True,
        ssr_mode=False,
        theme=theme(),
        css=CSS,
        footer_links=[],
        allowed_paths=[str(folder.resolve() / "exports")],
    )
    return app
