"""Which calls of a design are checkpointed, and which could be."""

from dataclasses import dataclass, replace

from designer.document import Definition, Design, Node
from designer.kept import kept
from designer.shapes.frame import Call, Frame


def designed(owner: str, node: Node) -> bool:
    """Whether the design itself checkpoints the calls of a node."""
    return node.checkpoint


@dataclass(frozen=True)
class Places:
    """Checkpoint the calls of these nodes."""

    nodes: frozenset[tuple[str, str]]

    def __call__(self, owner: str, node: Node) -> bool:
        """Whether the calls of a node of the definition `owner` are checkpointed."""
        return (owner, node.id) in self.nodes


def innermost(frame: Frame) -> Places:
    """Checkpoint the calls of every innermost repeat (see `places`)."""
    return Places(places(frame))


@kept
def places(frame: Frame) -> frozenset[tuple[str, str]]:
    """Return (definition, node) of every repeated definition that repeats no definition in turn: the usual choice."""
    return frozenset(
        (one.definition.name, name)
        for one in frame.walk()
        for name, call in one.calls.items()
        if _repeats(call) and not any(_contains_repeat(below.frame) for below in call.iterations)
    )


def checkpointed(design: Design, frame: Frame) -> Design:
    """Return the design with every innermost repeat checkpointed."""
    found = places(frame)
    definitions = {
        name: replace(
            one,
            nodes={
                key: replace(node, checkpoint=True) if (name, key) in found else node
                for key, node in one.nodes.items()
            },
        )
        for name, one in design.definitions.items()
    }
    return replace(design, definitions=definitions)


def _repeats(call: Call) -> bool:
    return call.node.repeat is not None and isinstance(call.target, Definition)


def _contains_repeat(frame: Frame | None) -> bool:
    return frame is not None and any(_repeats(call) for one in frame.walk() for call in one.calls.values())
