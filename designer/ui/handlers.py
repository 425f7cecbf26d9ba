"""What the editor asks about a design: plain functions, JSON text in, JSON values out.

None of them runs anything of the design, and none raises for what a user can write.
"""

from typing import Any

from designer.check import CheckReport, check
from designer.diagnostics import Diagnostic
from designer.document import Design, loads
from designer.errors import UserError
from designer.summary import summarize_frame

Answer = dict[str, Any]


def check_design(text: str) -> Answer:
    """Check a design: {ok, certificate, diagnostics, shapes, summary}; asked after every edit.

    `summary` is None where sizes are unknown. A document that cannot be read is one diagnostic.
    """
    try:
        design = loads(text)
        report = check(design)
    except UserError as error:
        return _unreadable(error)
    return {**report.to_json(), "summary": _summary(design, report)}


def render_design(text: str) -> Answer:
    """Render a design: {source: {file: text}, source_map, problem}; `problem` says why there is no source."""
    from designer.render import render

    try:
        rendering = render(loads(text))
    except UserError as error:
        return {"source": {}, "source_map": [], "problem": str(error)}
    return {
        "source": dict(rendering.files),
        "source_map": [dict(entry) for entry in rendering.source_map],
        "problem": "",
    }


def annotate(text: str) -> Answer:
    """Check and render together: everything that the editor shows beside a design."""
    checked = check_design(text)
    rendered = (
        render_design(text)
        if checked["ok"]
        else {"source": {}, "source_map": [], "problem": "the design has errors"}
    )
    return {**checked, **rendered}


def _unreadable(error: UserError) -> Answer:
    problem = Diagnostic("S000", "error", str(error)).to_json()
    return {"ok": False, "certificate": "", "diagnostics": [problem], "shapes": {}, "summary": None}


def _summary(design: Design, report: CheckReport) -> Answer | None:
    if report.frame is None or not report.ok:
        return None
    try:
        return summarize_frame(design, report.frame).to_json()
    except UserError:
        return None  # the sizes at which costs are stated do not fit the design; the check has said what does
