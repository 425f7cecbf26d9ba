"""A038: a sequence of tokens is only pooled into a vector."""

from collections.abc import Iterable

from designer.diagnostics import Diagnostic
from designer.rules import Rule, RuleContext, examples
from designer.rules.flow import INPUT, Key
from designer.shapes.values import Tensor

RULE = Rule(
    code="A038",
    title="Tokens pooled into a vector alone",
    severity="info",
    family="advice",
    effect=0.01,
    what="A context of tokens reaches the network as a pooled vector alone: no attention reads the tokens themselves.",
    why="A vector for the whole text modulates every position alike; which word belongs where is lost.",
    example="Text tokens, averaged into the vector of adaLN.",
    instead="Cross-attention or joint attention beside the pooled vector.",
    article="13.1",
    reference="Esser et al. 2024, arXiv:2403.03206; Chen et al. 2023, arXiv:2310.00426",
)


def check(context: RuleContext) -> Iterable[Diagnostic]:
    """Follow each context as tokens: does attention or a joint sequence read it before it is pooled?"""
    flow = context.flow
    if context.broken:
        return
    for port in context.design.main_definition.inputs:
        start = (*INPUT, port.name)
        if port.role != "context":
            continue
        pooled, todo, seen = "", flow.feeds(start), set[Key]()
        read = False
        while todo and not read:
            key = todo.pop()
            if key in seen:
                continue
            seen.add(key)
            leaf = flow.leaves[key]
            read = leaf.has("concat") or (leaf.has("attention") and not leaf.has("embedding"))
            made = [value for value in leaf.call.outputs.values() if isinstance(value, Tensor)]
            if all(len(value.shape) >= 3 for value in made) and not leaf.has("pool"):
                todo += flow.feeds(key)
            elif flow.feeds(key):
                pooled = pooled or leaf.place
        if pooled and not read:
            yield Diagnostic(
                RULE.code,
                "info",
                f"{port.name} is pooled at {pooled} and read as a vector alone; let attention read its tokens too",
                pooled,
                received="one vector",
                expected="cross-attention or joint attention to the tokens",
                reference=RULE.article,
            )


def _conditioned(tokens: bool) -> examples.Document:
    heads = {"num_heads": 1}
    nodes = {
        "pool": {"call": "Mean", "params": {"dims": [1]}},
        "fc": {"call": "Linear", "params": {"out_features": 16}},
        "add": {"call": "AddEmbedding"},
        **({} if not tokens else {
            "tokens": {"call": "MapToTokens"}, "q": {"call": "ProjectQKV", "params": heads},
            "kv": {"call": "ProjectQKV", "params": heads}, "attn": {"call": "DotProductAttention"},
            "map": {"call": "TokensToMap"},
        }),
    }  # fmt: skip
    edges = [("context", "pool.x"), ("pool.out", "fc.x"), ("h.out", "add.x"), ("fc.out", "add.embedding")]
    if tokens:
        edges += [
            ("add.out", "tokens.x"), ("tokens.tokens", "q.x"), ("context", "kv.x"), ("q.q", "attn.q"), ("kv.k", "attn.k"),
            ("kv.v", "attn.v"), ("attn.out", "map.tokens"), ("add.out", "map.like"),
        ]  # fmt: skip
    inputs = (examples.IMAGE, examples.TIME, examples.CONTEXT)
    return examples.convolutional(nodes, edges, "map.out" if tokens else "add.out", inputs=inputs)


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return _conditioned(False)


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return _conditioned(True)
