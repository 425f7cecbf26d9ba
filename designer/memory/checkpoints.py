"""Which calls of a design are checkpointed, and which could be."""

from designer.document import Definition, Node
from designer.memory.tape import Chosen
from designer.shapes.frame import Call, Frame


def designed(owner: str, node: Node) -> bool:
    """Whether the design itself checkpoints the calls of a node."""
    return node.checkpoint


def none(owner: str, node: Node) -> bool:
    """Checkpoint nothing."""
    return False


def innermost(frame: Frame) -> Chosen:
    """Checkpoint the calls of every repeated definition that repeats no definition in turn: the usual choice."""
    found = {
        (one.definition.name, name)
        for one in frame.walk()
        for name, call in one.calls.items()
        if _repeats(call) and not any(_contains_repeat(below.frame) for below in call.iterations)
    }
    return lambda owner, node: (owner, node.id) in found


def _repeats(call: Call) -> bool:
    return call.node.repeat is not None and isinstance(call.target, Definition)


def _contains_repeat(frame: Frame | None) -> bool:
    return frame is not None and any(_repeats(call) for one in frame.walk() for call in one.calls.values())
