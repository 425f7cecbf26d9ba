"""Following a value back through block calls that only pass it on."""

from collections.abc import Collection

from designer.rules.flow import INPUT, End, Flow, Key, Leaf

PASSING = frozenset({"reshape", "scale", "stochastic", "pool"})


def origins(flow: Flow, leaf: Leaf, port: str, through: Collection[str] = PASSING) -> list[Leaf]:
    """Return the block calls that make the value at a port: what only has a tag of `through` is looked through."""
    return [flow.leaves[key] for key, _ in _ends(flow, leaf, port, through) if key != INPUT]


def raw_inputs(flow: Flow, leaf: Leaf, port: str, through: Collection[str] = PASSING) -> set[str]:
    """Return the inputs of the network that reach a port through nothing but `through`."""
    return {name for key, name in _ends(flow, leaf, port, through) if key == INPUT}


def _ends(flow: Flow, leaf: Leaf, port: str, through: Collection[str]) -> list[End]:
    found: list[End] = []
    todo, seen = list(flow.sources.get((leaf.key, port), ())), set[End]()
    while todo:
        end = todo.pop()
        if end in seen:
            continue
        seen.add(end)
        key, _ = end
        if key == INPUT or not flow.leaves[key].has(*through):
            found.append(end)
            continue
        one = flow.leaves[key]
        todo.extend(flow.sources.get((key, one.spec.inputs[0].name), ()))
    return found


def reached(flow: Flow, name: str, through: Collection[str] = PASSING) -> set[Key]:
    """Return the block calls that an input of the network may reach through nothing but `through`."""
    found, todo = set[Key](), flow.feeds((*INPUT, name))
    while todo:
        key = todo.pop()
        if key not in found:
            found.add(key)
            todo += flow.feeds(key) if flow.leaves[key].has(*through) else ()
    return found


def zero_maker(flow: Flow, leaf: Leaf, port: str) -> Leaf | None:
    """Return the block call that makes the value at a port exactly 0 at initialisation, if one does."""
    through = PASSING | {"activation"}
    return next((one for one in origins(flow, leaf, port, through) if one.starts_at_zero), None)


def small_at_start(flow: Flow, leaf: Leaf, port: str, limit: float = 0.01) -> bool:
    """Whether the value at a port starts at 0 or is multiplied by a gate of at most `limit`."""
    for one in origins(flow, leaf, port, PASSING | {"activation"}):
        gate = one.spec.gate
        initial = one.number(gate.initial) if gate else None
        if one.starts_at_zero or (initial is not None and abs(initial) <= limit):
            return True
        if one.has("gating") and any(small_at_start(flow, one, side.name, limit) for side in one.spec.inputs):
            return True
    return False
