"""How long a check takes: cold, after an edit of one parameter, flat designs; beside one shape propagation of PyTorch.

`python -m benchmarks check [--repeats N] [--record]`. Times are of one thread's own processor time, medians and
minima: what else a shared machine does then counts little. The ratios compare figures taken in the same run.
"""

import argparse
import gc
import json
import platform
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from typing import Any

import torch
import torchinfo
from torch._subclasses.fake_tensor import FakeTensorMode

from benchmarks._record import record, table
from designer import dims, expressions
from designer.check import CheckReport, check
from designer.document import Design, dumps, loads
from designer.presets import build
from designer.reader import read_design
from designer.render import load_model, render
from designer.shapes import certificate
from designer.shapes.past import Past

HEADER = ("what", "median", "minimum", "over a fake forward")
# An edit by the place of the value and the values that it takes in turn, each for the first time.
EDITS: dict[str, tuple[str, str, str, Callable[[int], Any]]] = {
    "a leaf used once: MicroConditioning/embed.max_period": ("MicroConditioning", "embed", "max_period", lambda i: 9000 + i),
    "a leaf used 7 times: TransformerBlock/norm2.eps": ("TransformerBlock", "norm2", "eps", lambda i: 1e-6 * (i + 2)),
    "a leaf used 17 times: ResBlock/norm1.eps": ("ResBlock", "norm1", "eps", lambda i: 1e-6 * (i + 2)),
    "a part: SpatialTransformer/norm.eps": ("SpatialTransformer", "norm", "eps", lambda i: 1e-7 * (i + 2)),
    "the root: UNet/norm_out.eps": ("UNet", "norm_out", "eps", lambda i: 1e-6 * (i + 2)),
}  # fmt: skip


def seconds(work: Callable[[], object]) -> float:
    """Return the processor time of this thread that a call takes."""
    start = time.thread_time()
    work()
    return time.thread_time() - start


def checked(design: Design, past: Past | None = None) -> float:
    """Time the check of a parsed design, which must be sound."""
    reports: list[CheckReport] = []
    taken = seconds(lambda: reports.append(check(design, past=past)))
    assert reports[0].ok, reports[0].diagnostics[0]
    return taken


def forget() -> None:
    """Empty every store of answers about expressions and sizes, as in a process that has checked nothing."""
    for store in (
        expressions.parse,
        expressions.names,
        expressions._program,
        dims.floor_divide,
        dims._order,
        certificate._solve,
    ):
        store.cache_clear()


def cold(design: Design, repeats: int, known: bool) -> list[float]:
    """Time checks of a document that was just parsed; `known` keeps what is known of expressions and sizes."""
    text, found = dumps(design), []
    for _ in range(repeats):
        parsed = loads(text)
        if not known:
            forget()
        gc.collect()
        found.append(checked(parsed))
    return found


def edited(design: Design, place: tuple[str, str, str, Callable[[int], Any]], repeats: int) -> list[float]:
    """Time checks after an edit each, from the parsed document, with the past of the checks before."""
    past, found = Past(), []
    check(loads(dumps(design), past.definitions), past=past)
    for index in range(repeats):
        found.append(checked(loads(changed(design, place, index), past.definitions), past))
    return found


def changed(design: Design, place: tuple[str, str, str, Callable[[int], Any]], index: int) -> str:
    """Return the document of a design after an edit."""
    name, node, parameter, value = place
    definition = design.definitions[name]
    call = definition.nodes[node]
    call = replace(call, params={**call.params, parameter: value(index)})
    edit = replace(definition, nodes={**definition.nodes, node: call})
    return dumps(replace(design, definitions={**design.definitions, name: edit}))


def answered(
    design: Design, place: tuple[str, str, str, Callable[[int], Any]] | None, repeats: int
) -> list[float]:
    """Time what the editor asks after an edit: reading, check, costs, answer; without a place of the same document."""
    from designer.ui.handlers import check_design

    found, text = [], dumps(design)
    check_design(text)
    for index in range(repeats):
        edit = text if place is None else changed(design, place, index)
        found.append(seconds(lambda edit=edit: json.dumps(check_design(edit))))  # type: ignore[misc]
    return found


def of_design(design: Design, repeats: int) -> list[float]:
    """Time checks after an edit of a parameter of the design itself."""
    past, found = Past(), []
    text = dumps(design)
    check(loads(text, past.definitions), past=past)
    for groups in (16, 8, 64, 40, 20, 10, 5, 4, 2, 1, 80, 160, 320)[:repeats]:
        parsed = loads(text, past.definitions)
        found.append(checked(replace(parsed, parameters={**design.parameters, "num_groups": groups}), past))
    return found


def flat(nodes: int) -> Design:
    """Return a design of one definition: residual branches of norm, activation, convolution and sum in a row."""
    calls: dict[str, Any] = {
        "stem": {"call": "Conv2d", "params": {"out_channels": 64}},
        "time": {"call": "TimestepEmbedding", "params": {"dim": 64}},
        "proj": {"call": "Linear", "params": {"out_features": 64}},
        "inject": {"call": "AddEmbedding"},
    }
    edges = [
        ["x", "stem.x"],
        ["t", "time.t"],
        ["time.out", "proj.x"],
        ["stem.out", "inject.x"],
        ["proj.out", "inject.embedding"],
    ]
    trunk, number = "inject.out", count()
    while len(calls) + 5 <= nodes:
        i = next(number)
        calls |= {
            f"norm_{i}": {"call": "GroupNorm", "params": {"num_groups": 8}},
            f"act_{i}": {"call": "SiLU"},
            f"conv_{i}": {"call": "Conv2d", "params": {"out_channels": 64, "init": "zero"}},
            f"add_{i}": {"call": "Add"},
        }
        edges += [[trunk, f"norm_{i}.x"], [f"norm_{i}.out", f"act_{i}.x"], [f"act_{i}.out", f"conv_{i}.x"]]
        edges += [[trunk, f"add_{i}.a"], [f"conv_{i}.out", f"add_{i}.b"]]
        trunk = f"add_{i}.out"
    calls["out"] = {"call": "Conv2d", "params": {"out_channels": 3}}
    main = {
        "inputs": [
            {"name": "x", "role": "image", "shape": "B 3 H W"},
            {"name": "t", "role": "timestep", "shape": "B"},
        ],
        "outputs": [{"name": "out", "role": "image", "from": ["out", "out"]}],
        "nodes": calls,
        "edges": [*edges, [trunk, "out.x"]],
    }
    return read_design(
        {"format": "diffusion-design", "format_version": 1, "main": "Net", "definitions": {"Net": main}}
    )


def propagations(design: Design) -> Iterator[tuple[str, Callable[[], object]]]:
    """Yield what PyTorch offers to find shapes of the rendered network: at one size, once the network is built."""
    rendering = render(design)
    sizes = {"B": 1, "H": 128, "W": 128, "N": 77}
    network = load_model(rendering)
    shapes = [
        ([sizes.get(str(size), size) for size in one.shape], getattr(torch, one.dtype))
        for one in rendering.inputs
    ]
    with torch.device("meta"):
        model = network()
        inputs = [torch.ones(shape, dtype=dtype) for shape, dtype in shapes]
    mode = FakeTensorMode()
    with mode:
        fake = network()
        values = [torch.ones(shape, dtype=dtype) for shape, dtype in shapes]

    def forward() -> object:
        with mode, torch.no_grad():
            return fake(*values)

    yield "one forward on fake tensors", forward
    yield (
        "torchinfo on the meta device",
        lambda: torchinfo.summary(model, input_data=inputs, device="meta", verbose=0),
    )


def main() -> None:
    """Print the table; keep it in results/check.md where asked."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--repeats", type=int, default=25)
    arguments.add_argument(
        "--record", action="store_true", help="keep the table in benchmarks/results/check.md"
    )
    options = arguments.parse_args()
    torch.set_num_threads(1)
    repeats, sdxl = options.repeats, build("sdxl-base")
    rows = {
        "SDXL, cold": cold(sdxl, repeats, known=True),
        "SDXL, cold, first check of a process": cold(sdxl, repeats, known=False),
        **{f"SDXL, after an edit of {what}": edited(sdxl, place, repeats) for what, place in EDITS.items()},
        "SDXL, after an edit of a parameter of the design: num_groups": of_design(sdxl, repeats),
        "SDXL, answer to the editor with costs, unchanged": answered(sdxl, None, repeats),
        **{
            f"SDXL, answer to the editor with costs, {what.partition(':')[0]}": answered(sdxl, place, repeats)
            for what, place in EDITS.items()
        },
        "DiT-S/2, cold": cold(build("dit-s-2"), repeats, known=True),
        "flat design of 1,000 nodes, cold": cold(flat(1000), repeats, known=True),
        "flat design of 5,000 nodes, cold": cold(flat(5000), max(3, repeats // 5), known=True),
    }
    for what, work in propagations(sdxl):
        work()
        rows[f"SDXL, {what}"] = [seconds(work) for _ in range(max(3, repeats // 5))]
    whole = statistics.median(rows["SDXL, one forward on fake tensors"])
    lines = [
        (
            what,
            f"{1e3 * statistics.median(found):,.1f} ms",
            f"{1e3 * min(found):,.1f} ms",
            f"1/{whole / statistics.median(found):,.0f}"
            if "SDXL" in what and statistics.median(found) < whole
            else "–",
        )
        for what, found in rows.items()
    ]
    text = f"{table(HEADER, lines, frozenset({1, 2, 3}))}\n\n{repeats} repeats; torch {torch.__version__}, torchinfo {torchinfo.__version__}, Python {platform.python_version()}"
    print(text)
    if options.record:
        record("check.md", "Speed of the check", "python -m benchmarks check --record", text)


if __name__ == "__main__":
    main()
