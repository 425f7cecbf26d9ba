"""What is attached to a frozen network: which block calls keep their weights, and where trained ones join them."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from designer.document import Definition, Design
from designer.rules.flow import INPUT, Flow, Key, Leaf

LEARNED = ("conv", "linear", "attention", "ffn", "gated_ffn", "embedding", "modulator")
_PASSING = (
    "reshape",
    "scale",
    "stochastic",
    "activation",
    "pool",
    "lowpass",
    "norm",
    "downsample",
    "upsample",
)


@dataclass(frozen=True)
class Attachment:
    """A sum of what a frozen network makes and, at `port`, what trained block calls make."""

    sum: Leaf
    port: str


def is_frozen(design: Design, leaf: Leaf) -> bool:
    """Whether the design's training keeps the weights of a block call, by its definitions and nodes."""
    frozen, trainable = (set(design.training.get(name, ())) for name in ("frozen", "trainable"))
    definition = design.main_definition
    fixed, names = definition.name in frozen, list(leaf.path)
    for name in names:
        node = definition.nodes[name]
        callee = node.call if not node.call.startswith("=") else ""
        part = {f"{definition.name}/{name}", *([callee] if callee in design.definitions else [])}
        fixed = not part & trainable and (fixed or bool(part & frozen))
        inner = design.definitions.get(callee)
        if inner is None:
            break
        definition = inner
    return fixed


def attachments(design: Design, flow: Flow) -> Iterator[Attachment]:
    """Yield each sum where trained block calls join a frozen network."""
    if not design.training.get("frozen"):
        return
    for leaf in flow.tagged("add"):
        ports = [port.name for port in leaf.spec.inputs if flow.sources.get((leaf.key, port.name))]
        made = {port: makers(flow, leaf, port) for port in ports[:2]}
        if len(made) < 2 or not all(made.values()):
            continue
        trained = [port for port in made if not all(is_frozen(design, one) for one in made[port])]
        if len(trained) == 1 and not _own_stream(flow, made, trained[0]):
            yield Attachment(leaf, trained[0])


def _own_stream(flow: Flow, made: dict[str, list[Leaf]], port: str) -> bool:
    """Whether the other side of a sum is computed from this one: x + F(x) with a frozen F attaches nothing."""
    others = {
        key for name, leaves in made.items() if name != port for one in leaves for key in flow.upstream(one)
    }
    return any(one.key in others for one in made[port])


def makers(flow: Flow, leaf: Leaf, port: str, through: Collection[str] = ()) -> list[Leaf]:
    """Return the learned block calls that a value was last made by."""
    found: dict[Key, Leaf] = {}
    todo, seen = [key for key, _ in flow.sources.get((leaf.key, port), ())], set[Key]()
    while todo:
        key = todo.pop()
        if key == INPUT or key in seen:
            continue
        seen.add(key)
        one = flow.leaves[key]
        if one.has(*LEARNED) and not one.has(*through):
            found[key] = one
        else:
            todo += [before.key for _, before in flow.inputs(one)]
    return list(found.values())


def is_zero(flow: Flow, leaf: Leaf, port: str) -> bool:
    """Whether a value is exactly 0 at initialisation, whatever comes in: through sums, products and stacks."""
    sources = flow.sources.get((leaf.key, port), ())
    return bool(sources) and all(key != INPUT and _is_zero(flow, flow.leaves[key]) for key, _ in sources)


def _is_zero(flow: Flow, leaf: Leaf) -> bool:
    if leaf.starts_at_zero:
        return True
    gate = leaf.spec.gate
    if gate is not None and leaf.has("gating") and leaf.number(gate.initial) == 0:
        return True
    ports = [port.name for port in leaf.spec.inputs if flow.sources.get((leaf.key, port.name))]
    if leaf.has("gating"):
        return any(is_zero(flow, leaf, port) for port in ports)
    every = leaf.has("add") or (leaf.has("reshape") and len(ports) > 1)
    if every or leaf.has(*_PASSING):
        return bool(ports) and all(is_zero(flow, leaf, port) for port in (ports if every else ports[:1]))
    return False


def outermost(design: Design, leaves: Collection[Leaf], others: Collection[Leaf]) -> list[str]:
    """Return the calls, as "Definition/node", that hold all of `leaves` and none of `others`, the outermost of each."""
    found: dict[str, None] = {}
    for leaf in leaves:
        definition: Definition = design.main_definition
        for depth, name in enumerate(leaf.path, 1):
            inside = any(one.path[:depth] == leaf.path[:depth] for one in others)
            inner = design.definitions.get(definition.nodes[name].call)
            if not inside or inner is None:
                found[f"{definition.name}/{name}"] = None
                break
            definition = inner
    return list(found)
