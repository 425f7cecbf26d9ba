"""S007: input connected twice."""

from designer.diagnostics import Diagnostic, Fix
from designer.document import Design
from designer.rules import Rule, examples

RULE = Rule(
    code="S007",
    title="Input connected twice",
    severity="error",
    family="structure",
    what="Two edges end in one input.",
    why="Which of the two arrives is ambiguous.",
    example="conv1.out and conv2.out both into norm.x.",
    instead="Keep one edge, or merge the two with Add or ConcatChannels.",
)


def fix(design: Design, diagnostic: Diagnostic) -> Fix | None:
    """Keep the edge that was drawn last."""
    name, _, node = diagnostic.node.partition("/")
    target = f"{node}.{diagnostic.port}"
    source = design.definitions[name].sources.get(target)
    if source is None:
        return None
    operation = {"op": "connect", "definition": name, "source": source, "target": target}
    return Fix(f"Keep the edge from {source}", (operation,))


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return examples.convolutional(
        {"act": {"call": "SiLU"}}, [("conv_in.out", "act.x"), ("h.out", "act.x")], "act.out"
    )


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return examples.convolutional({"act": {"call": "SiLU"}}, [("h.out", "act.x")], "act.out")
