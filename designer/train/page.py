"""A run as one standalone HTML page to send to a colleague: verdict, reasons, plots, circumstances; no script."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from designer.templating import fill
from designer.train.figures import figures
from designer.train.report import RunReport

if TYPE_CHECKING:
    from designer.document import Design

_MARK = {"FAIL": "#d55e00", "WARN": "#e69f00"}


def html(report: RunReport, design: "Design | None" = None) -> str:
    """Return the page; with the design, a drawing of it whose offending nodes have a coloured border."""
    from markupsafe import Markup

    return fill(
        "run.html.jinja",
        run=report,
        circumstances=_circumstances(report),
        drawing=Markup(_drawing(report, design)) if design is not None else "",  # our own SVG, texts escaped
        plots=[Markup(one) for one in figures(report)],
    )


def _circumstances(report: RunReport) -> list[tuple[str, str]]:
    asked = {name: value for name, value in report.options.items() if value is not None}
    return [
        ("design", f"{report.design.get('name', '')} {report.design.get('hash', '')}"),
        ("data", report.data),
        ("sample shape", " × ".join(map(str, report.sample_shape))),
        ("noise process", _pairs(report.process)),
        ("options", _pairs(asked)),
        ("device", _pairs(report.device)),
        ("versions", _pairs(report.versions)),
        ("time", f"{report.seconds:.1f} s"),
        ("weights", report.weights_are or "none kept"),
    ]


def _pairs(values: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())


def _drawing(report: RunReport, design: "Design") -> str:
    from designer.draw import svg

    marks: dict[str, str] = {}
    for reason in reversed(report.reasons):  # the first reason, the most severe, decides
        definition, _, node = reason.node.partition("/")
        if definition == design.main:
            marks[node] = _MARK[reason.severity]
    return svg(design.main_definition, marks)
