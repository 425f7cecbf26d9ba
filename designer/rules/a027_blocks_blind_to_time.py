"""A027: some blocks do not see the timestep."""

from collections.abc import Iterable

from designer.diagnostics import Diagnostic
from designer.rules import Rule, RuleContext, examples
from designer.rules.flow import INPUT, Flow, Key, Leaf
from designer.shapes.values import Tensor

RULE = Rule(
    code="A027",
    title="Some blocks do not see the timestep",
    severity="warning",
    family="advice",
    effect=0.01,
    what="Of the residual blocks with convolutions, some take the time embedding and others do not.",
    why="Blocks without it treat every noise level alike.",
    example="A U-Net whose last decoder level has no temb edge.",
    instead="Connect the time embedding to every residual block.",
    article="2.1.4",
    reference="Ho et al. 2020, arXiv:2006.11239",
)


def check(context: RuleContext) -> Iterable[Diagnostic]:
    """Compare definitions that sum a convolutional branch: which of them the timestep reaches."""
    flow = context.flow
    inputs = context.design.main_definition.inputs
    times = [port.name for port in inputs if port.role in ("timestep", "sigma")]
    seen = {key for name in times for key in flow.reach((*INPUT, name))}
    timed: dict[str, bool] = {}
    for leaf in flow.tagged("add"):
        definition = leaf.frame.definition.name
        if definition == context.design.main or timed.get(definition):
            continue
        branch = _branch(flow, leaf)
        if branch:
            timed[definition] = any(_takes_vector(one) and one.key in seen for one in branch)
    if any(timed.values()):
        for definition, fed in timed.items():
            if not fed:
                yield Diagnostic(
                    RULE.code,
                    "warning",
                    f"{definition} is a residual block that the timestep does not reach, while others see it; connect it",
                    definition,
                    received="no time embedding",
                    expected="the time embedding, as in the other blocks",
                    reference=RULE.article,
                )


def _branch(flow: Flow, leaf: Leaf) -> list[Leaf]:
    """What leads to the sum within its definition, where that is a residual branch: a norm and two convolutions."""
    found: dict[Key, Leaf] = {}
    todo = [one for port in leaf.spec.inputs for one in flow.into(leaf, port.name)]
    if not any(one.has("conv") and one.iteration.params.get("kernel_size", 3) != 1 for one in todo):
        return []
    while todo:
        one = todo.pop()
        if one.key[:-1] == leaf.key[:-1] and one.key not in found:
            found[one.key] = one
            todo += [before for _, before in flow.inputs(one)]
    convolutions = sum(one.has("conv") for one in found.values())
    return list(found.values()) if convolutions > 1 and any(one.has("norm") for one in found.values()) else []


def _takes_vector(leaf: Leaf) -> bool:
    """Whether a vector enters: where conditions meet a map."""
    return any(isinstance(value, Tensor) and len(value.shape) == 2 for value in leaf.call.inputs.values())


def _block(timed: bool) -> examples.Document:
    nodes = {
        "norm": {"call": "GroupNorm", "params": {"num_groups": 8}},
        "conv1": {"call": "Conv2d", "params": {"out_channels": 16}},
        **({"time": {"call": "AddEmbedding"}} if timed else {}),
        "conv2": {"call": "Conv2d", "params": {"out_channels": 16}},
        "add": {"call": "Add"},
    }
    middle = (
        [("conv1.out", "time.x"), ("temb", "time.embedding"), ("time.out", "conv2.x")]
        if timed
        else [("conv1.out", "conv2.x")]
    )
    edges = [("x", "norm.x"), ("norm.out", "conv1.x"), *middle, ("x", "add.a"), ("conv2.out", "add.b")]
    inputs = [{"name": "x", "role": "map", "shape": "B C H W"}]
    return {
        "inputs": [*inputs, {"name": "temb", "role": "vector", "shape": "B D"}] if timed else inputs,
        "outputs": [{"name": "x", "role": "map", "from": ["add", "out"]}],
        "nodes": nodes,
        "edges": [list(edge) for edge in edges],
    }


def _blocks(second_timed: bool) -> examples.Document:
    second = [("first.x", "second.x"), *([("embed.out", "second.temb")] if second_timed else [])]
    return examples.convolutional(
        {"first": {"call": "Timed"}, "second": {"call": "Timed" if second_timed else "Blind"}},
        [("h.out", "first.x"), ("embed.out", "first.temb"), *second],
        "second.x",
        definitions={"Timed": _block(True), **({} if second_timed else {"Blind": _block(False)})},
    )


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return _blocks(second_timed=False)


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return _blocks(second_timed=True)
