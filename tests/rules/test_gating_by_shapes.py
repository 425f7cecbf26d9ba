"""The hard rules that the shape check states: what is wrong, at which node and port, and a fix that mends it."""

from typing import Any

import pytest

from designer.check import check
from designer.fixes import apply, fix_all
from designer.reader import read_design
from designer.rules import examples

Edges = list[tuple[str, str]]


def _conv(width: int, **params: Any) -> dict[str, Any]:
    return {"call": "Conv2d", "params": {"out_channels": width, **params}}


def _fused(fuse: str, nodes: dict[str, Any], edges: Edges) -> examples.Document:
    """A skip that some nodes change, in their order, meets the trunk."""
    middle = {**nodes, "fuse": {"call": fuse}, "proj": _conv(16)}
    wires: Edges = []
    end = "skip"
    for name in nodes:
        if name.startswith("s_"):
            wires.append((end, f"{name}.x"))
            end = f"{name}.out"
    return examples.skip_fusion(
        middle, [*wires, (end, "fuse.b"), ("x", "fuse.a"), *edges, ("fuse.out", "proj.x")], "proj.out"
    )


def _weighed(gate: str, before: dict[str, Any]) -> examples.Document:
    nodes = {
        "odd": before,
        "gate": {"call": gate},
        "bound": {"call": "DoubleSigmoidBound"},
        "smooth": {"call": "SmoothMask"},
    }
    other = [("c", "gate.c")] if gate == "ChannelMLPGate" else [("odd.out", "gate.other")]
    edges = [
        ("skip", "odd.x"),
        ("odd.out", "gate.x"),
        *other,
        ("gate.out", "bound.x"),
        ("bound.out", "smooth.x"),
    ]
    wires = [*edges, ("smooth.out", "weigh.w"), ("skip", "weigh.x"), ("x", "fuse.a"), ("weigh.out", "fuse.b")]
    return examples.skip_fusion({**nodes, "weigh": {"call": "Weigh"}, "fuse": {"call": "VPAdd"}, "one": {"call": "UnitGate"}}, [
        *wires, ("one.out", "fuse.w_a"), ("one.out", "fuse.w_b"),
    ], "fuse.out")  # fmt: skip


def _block(nodes: dict[str, Any], edges: Edges, end: str) -> examples.Document:
    nodes = {"norm": {"call": "LayerNorm"}, **nodes, "scale": {"call": "LayerScale"}, "add": {"call": "Add"}}
    wires = [("x", "norm.x"), *edges, (end, "scale.x"), ("x", "add.a"), ("scale.out", "add.b")]
    return examples.transformer(examples.block(nodes, wires, "add.out"), 4)


def _unpatchified() -> examples.Document:
    document = _block(
        {"fc": {"call": "Linear", "params": {"out_features": 32}}}, [("norm.out", "fc.x")], "fc.out"
    )
    document["definitions"]["Net"]["nodes"]["unpatchify"]["params"]["patch_size"] = 4
    return document


ONE = {"one": {"call": "UnitGate"}}
UNIT: Edges = [("one.out", "fuse.w_a"), ("one.out", "fuse.w_b")]
HEADS = {
    "qkv": {"call": "ProjectQKV", "params": {"num_heads": 4}},
    "kv": {"call": "ProjectQKV", "params": {"num_heads": 2}},
}
MODULATED = {
    "adaln": {"call": "AdaLNModulation", "params": {"hidden_size": 48}},
    "modulate": {"call": "Modulate"},
    "fc": {"call": "Linear", "params": {"out_features": 32}},
}
CASES: dict[str, tuple[examples.Document, str, str, str]] = {
    "G02 channels of a sum": (_fused("Add", {"s_wide": _conv(32)}, []), "Net/fuse", "32 where 16 is expected", "Project b"),
    "G02 channels of a VP sum": (
        _fused("VPAdd", {"s_wide": _conv(32), **ONE}, UNIT), "Net/fuse", "32 where 16 is expected", "Project b",
    ),
    "G02 resolution of a sum": (_fused("Add", {"s_low": _conv(16, stride=2)}, []), "Net/fuse", "must equal", "Resample b"),
    "G03 skip of a lower level": (
        _fused("ConcatChannels", {"s_low": _conv(16, stride=2)}, []), "Net/fuse", "must equal", "Resample b of fuse by 2",
    ),
    "G03 skip of a higher level": (
        _fused("ConcatChannels", {"s_up": {"call": "UpsampleConv"}}, []), "Net/fuse", "must equal", "Resample b of fuse by 2",
    ),
    "G04 width of a channel gate": (
        _weighed("ChannelMLPGate", _conv(32)), "Net/weigh", "32 where 16 is expected", "Let gate see the stream",
    ),
    "G04 size of a spatial gate": (
        _weighed("SpatialGate", _conv(16, stride=2)), "Net/weigh", "must equal", "Let gate see the stream",
    ),
    "G05 width behind a concatenation": (
        examples.skip_fusion(
            {"fuse": {"call": "ConcatChannels"}, "proj": _conv(16, in_channels=16)},
            [("skip", "fuse.b"), ("x", "fuse.a"), ("fuse.out", "proj.x")], "proj.out",
        ), "Net/proj", "32 where in_channels = 16", "Let in_channels follow",
    ),
    "G06 width of a branch": (
        _block({"fc": {"call": "Linear", "params": {"out_features": 48}}}, [("norm.out", "fc.x")], "fc.out"),
        "Block/add", "48 where 32 is expected", "Project b of add from 48 to 32",
    ),
    "G07 heads": (
        _block({"attn": {"call": "SelfAttention", "params": {"num_heads": 5}}}, [("norm.out", "attn.x")], "attn.out"),
        "Block/attn", "cannot be split into 5 heads", "Set num_heads to 4",
    ),
    "G07 unpatchify": (_unpatchified(), "Net/unpatchify", "= 64 is expected", "Set patch_size to 2"),
    "G08 heads of queries and keys": (
        _block(
            {**HEADS, "attn": {"call": "DotProductAttention"}},
            [("norm.out", "qkv.x"), ("norm.out", "kv.x"), ("qkv.q", "attn.q"), ("kv.k", "attn.k"), ("kv.v", "attn.v")], "attn.out",
        ), "Block/attn", "2 where heads = 4 is expected", "Set num_heads of kv to 4",
    ),
    "G09 width of a modulation": (
        _block(MODULATED, [
            ("c", "adaln.c"), ("norm.out", "modulate.x"), ("adaln.shift", "modulate.shift"), ("adaln.scale", "modulate.scale"),
            ("modulate.out", "fc.x"),
        ], "fc.out"), "Block/modulate", "48 where hidden_size = 32 is expected", "Set hidden_size of adaln to 32",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_the_shape_check_says_what_is_wrong_and_mends_it(case: str) -> None:
    document, node, message, title = CASES[case]
    design = read_design(document)
    errors = [one for one in check(design).diagnostics if one.severity == "error"]
    assert {one.node for one in errors} == {node}
    assert all(message in one.message and one.received and one.expected for one in errors), [
        one.message for one in errors
    ]
    fix = errors[0].fix
    assert fix is not None and fix.title.startswith(title), fix
    assert check(apply(design, fix)).diagnostics != check(design).diagnostics
    mended, _ = fix_all(design)
    assert check(mended).ok, [one.message for one in check(mended).diagnostics]


def test_joined_tokens_that_are_not_split_back_do_not_fit() -> None:
    """G08: the sum of [B, N, D] and [B, 2N, D] holds for no size, whatever N is."""
    pair = {name: {"call": "ProjectQKV", "params": {"num_heads": 4}} for name in ("first", "second")}
    joined = {f"joined_{one}": {"call": "ConcatTokens"} for one in "qkv"}
    edges = [
        ("norm.out", "first.x"),
        ("norm.out", "second.x"),
        *((f"joined_{one}.out", f"attn.{one}") for one in "qkv"),
    ]
    edges += [
        (f"{side}.{one}", f"joined_{one}.{port}")
        for one in "qkv"
        for side, port in (("first", "a"), ("second", "b"))
    ]
    found = check(
        read_design(_block({**pair, **joined, "attn": {"call": "DotProductAttention"}}, edges, "attn.out"))
    ).diagnostics
    assert [(one.code, one.node) for one in found if one.severity == "error"] == [("S016", "Block/add")]


def test_a_context_goes_into_attention_as_tokens() -> None:
    """G08: keys and values are tokens of the context, not a vector."""
    nodes = {"qkv": HEADS["qkv"], "kv": HEADS["qkv"], "attn": {"call": "DotProductAttention"}}
    edges = [
        ("norm.out", "qkv.x"),
        ("c", "kv.x"),
        ("qkv.q", "attn.q"),
        ("kv.k", "attn.k"),
        ("kv.v", "attn.v"),
    ]
    errors = [
        one
        for one in check(read_design(_block(nodes, edges, "attn.out"))).diagnostics
        if one.severity == "error"
    ]
    assert [(one.code, one.node, one.port) for one in errors] == [("S008", "Block/kv", "x")]
