"""The check of a design: shapes, certificate, rules; every problem at its origin, all together."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from designer.catalogue import catalogue
from designer.diagnostics import Diagnostic
from designer.document import Definition, Design
from designer.kept import kept
from designer.rules import RuleContext, offer_fix, rank, run_rules
from designer.shapes.binding import Requirement
from designer.shapes.certificate import Certificate, certify
from designer.shapes.elaborate import Elaborator
from designer.shapes.frame import Frame
from designer.shapes.past import Past
from designer.shapes.values import SAMPLES, Tensor
from designer.shapes.wiring import check_wiring


@dataclass(frozen=True)
class CheckReport:
    """What is known about a design without running it."""

    diagnostics: tuple[Diagnostic, ...]
    certificate: Certificate | None
    frame: Frame | None
    shapes: Mapping[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether no diagnostic is an error."""
        return not any(diagnostic.severity == "error" for diagnostic in self.diagnostics)

    def to_json(self) -> dict[str, Any]:
        """Return the report as DESIGN section 6 describes it."""
        return {
            "ok": self.ok,
            "certificate": str(self.certificate) if self.certificate and self.ok else "",
            "diagnostics": [diagnostic.to_json() for diagnostic in self.diagnostics],
            "shapes": dict(self.shapes),
        }


def check(design: Design, notes: bool = False, past: Past | None = None) -> CheckReport:
    """Check a design; every problem is a diagnostic, ranked. `notes` asks for rules without a measured effect too.

    With the `past` of earlier checks the same answer costs no more than what changed since.
    """
    blocks = catalogue()
    diagnostics = check_wiring(design, blocks)
    elaboration = Elaborator(design, blocks, past=past).main()
    diagnostics.extend(elaboration.diagnostics)
    symbols = _symbols(design.main_definition, elaboration.frame)
    requirements = [*elaboration.requirements, *_prediction_size(design, elaboration.frame)]
    certificate, unsatisfiable = certify(requirements, symbols)
    diagnostics.extend(unsatisfiable)
    if elaboration.frame is not None:
        broken = any(diagnostic.severity == "error" for diagnostic in diagnostics)
        diagnostics.extend(
            run_rules(RuleContext(design, blocks, elaboration.frame, certificate, broken, notes))
        )
    diagnostics.sort(key=rank)
    offered = tuple(offer_fix(design, one) for one in diagnostics)
    return CheckReport(offered, certificate, elaboration.frame, _edge_shapes(elaboration.frame))


def _prediction_size(design: Design, frame: Frame | None) -> list[Requirement]:
    """The prediction is as high and wide as the sample (rule G010 compares the channels)."""
    main = design.main_definition
    sample = next((port for port in main.inputs if port.role in SAMPLES), None)
    if frame is None or sample is None or not main.outputs:
        return []
    given, output = frame.inputs.get(sample.name), frame.outputs.get(main.outputs[0].name)
    if (
        not isinstance(given, Tensor)
        or not isinstance(output, Tensor)
        or len(given.shape) != len(output.shape)
    ):
        return []
    return [
        Requirement(
            made, "==", wanted, main.name, f"the prediction is {made} long where the sample is {wanted}"
        )
        for made, wanted in zip(output.shape[2:], given.shape[2:], strict=True)
        if made != wanted and not (isinstance(made, int) and isinstance(wanted, int))
    ]


def _symbols(definition: Definition, frame: Frame | None) -> list[str]:
    """The free sizes of the inputs, in order of appearance."""
    found: dict[str, None] = {}
    if frame is not None:
        for value in frame.inputs.values():
            if isinstance(value, Tensor):
                for size in value.shape:
                    found.update(dict.fromkeys(sorted(getattr(size, "symbols", ()))))
    return list(found)


def _edge_shapes(frame: Frame | None) -> dict[str, str]:
    """Map "Definition/source->target" to the shape on that edge, for the first call of each definition."""
    shapes: dict[str, str] = {}
    if frame is None:
        return shapes
    for one in frame.walk():
        for edge, text in _own_shapes(one).items():
            shapes.setdefault(edge, text)
    return shapes


@kept
def _own_shapes(frame: Frame) -> dict[str, str]:
    name, ends = frame.definition.name, frame.definition.edges
    edges = [(f"{name}/{source}->{target}", frame.value(source)) for source, target in ends]
    ports = frame.definition.outputs
    outputs = [(f"{name}/{port.source}->{port.name}", frame.outputs.get(port.name)) for port in ports]
    return {edge: str(value) for edge, value in (*edges, *outputs) if value is not None}
