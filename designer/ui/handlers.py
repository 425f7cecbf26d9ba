"""What the editor asks about a design: plain functions, JSON text in, JSON values out.

None of them runs anything of the design, and none raises for what a user can write.
"""

from dataclasses import asdict

from designer.check import CheckReport, check
from designer.diagnostics import Diagnostic, Fix
from designer.document import Design, loads
from designer.errors import UserError
from designer.fixes import apply
from designer.shapes.past import Past
from designer.summary import summarize_frame
from designer.ui.answers import Answer, field, request
from designer.ui.workspace import compact

_PAST = Past()  # of all checks of this process: after an edit most of a design is as it was


def check_design(text: str) -> Answer:
    """Check a design: {ok, certificate, diagnostics, shapes, summary}; asked after every edit.

    `summary` is None where sizes are unknown. A document that cannot be read is one diagnostic.
    """
    try:
        design = loads(text, _PAST.definitions)
        report = check(design, past=_PAST)
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


def package_design(text: str) -> Answer:
    """Render a design as a package that trains, samples and exports: {archive}, a zip as base64."""
    import base64
    import io
    import zipfile

    from designer.render import render

    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in render(loads(text), "package").files.items():
            archive.writestr(zipfile.ZipInfo(name), content)  # without the time: same design, same bytes
    return {"archive": base64.b64encode(stream.getvalue()).decode()}


def predict_stability(text: str) -> Answer:
    """Predict what the network is like at initialisation: {stability}, None where sizes are unknown."""
    from designer.stability.report import describe

    try:
        design = loads(text, _PAST.definitions)
        return {"stability": describe(design, check(design, past=_PAST))}
    except UserError:
        return {"stability": None}  # the check says why


def apply_fix(text: str) -> Answer:
    """Apply the `fix` that a diagnostic offered to `document`: {document}."""
    values = request(text)
    fix = values.get("fix")
    if not isinstance(fix, dict) or not isinstance(fix.get("operations"), list):
        raise UserError("the request needs 'fix' as offered by the check")
    design = loads(field(values, "document"))
    try:
        fixed = apply(design, Fix(str(fix.get("title", "")), tuple(fix["operations"])))
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError(f"the fix cannot be read: {error}") from None
    return {"document": compact(fixed)}


def compare_designs(text: str) -> Answer:
    """What differs between the designs `before` and `after`: {changes, costs}."""
    from designer.diff import diff

    values = request(text)
    difference = diff(loads(field(values, "before")), loads(field(values, "after")))
    return {
        "changes": [asdict(one) for one in difference.changes],
        "costs": [asdict(one) for one in difference.costs],
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
