"""S012: repeat."""

from collections.abc import Iterator

from designer.diagnostics import Diagnostic
from designer.kept import kept
from designer.rules import Rule, RuleContext, examples
from designer.shapes.frame import Frame

MOST = 1_000_000  # layers: a thousand times what the deepest published network has

RULE = Rule(
    code="S012",
    title="Repeat",
    severity="error",
    family="structure",
    what="A repeat count is no reasonable number, alone or times those around it, or a stack has not one item for each iteration.",
    why="The loop cannot be unrolled.",
    example="Three skips handed to a decoder level of two blocks.",
    instead="Make the counts equal; DDPM decoders have one block more than encoders.",
    article="2.1.3",
)


def check(context: RuleContext) -> Iterator[Diagnostic]:
    """Report a design whose nested repeats build more layers than any machine holds."""
    count = _layers(context.frame)
    if count > MOST:
        name = context.frame.definition.name
        message = f"the repeats of {name} multiply to {count:.1e} layers; at most {MOST:,} can be built: repeat fewer"
        yield Diagnostic(
            RULE.code, RULE.severity, message, name, received=f"{count:.1e}", expected=f"at most {MOST:,}"
        )


@kept
def _layers(frame: Frame) -> float:
    """How many blocks a definition runs, repeats and nested definitions included."""
    total = 0.0
    for call in frame.calls.values():
        inner = [1.0 if one.frame is None else _layers(one.frame) for one in call.iterations]
        count = call.count if isinstance(call.count, int) else 1
        total += sum(inner) if len(inner) == count else count * max(inner, default=0.0)
    return min(total, 1e300)


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return examples.convolutional(
        {"act": {"call": "SiLU", "repeat": 100_000}}, [("h.out", "act.x")], "act.out"
    )


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return examples.convolutional({"act": {"call": "SiLU", "repeat": 2}}, [("h.out", "act.x")], "act.out")
