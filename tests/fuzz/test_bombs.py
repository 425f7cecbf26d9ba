"""Designs made to exhaust: each gets an answer, in bounded time and memory, through the command line."""

import json
import random
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SECONDS = 120  # far more than any answer takes: only something unbounded reaches it
BYTES = 2 << 30

Nodes = dict[str, dict[str, Any]]


def _definition(nodes: Nodes, edges: list[list[str]], last: str, **more: Any) -> dict[str, Any]:
    return {
        "inputs": [{"name": "x", "role": "map", "shape": "B 4 H W"}],
        "outputs": [{"name": "out", "role": "map", "from": [last, "out"]}],
        "nodes": nodes,
        "edges": edges,
        **more,
    }


def _chain(calls: list[tuple[str, dict[str, Any]]], **more: Any) -> dict[str, Any]:
    """A definition of calls one after another; each takes x and gives out."""
    nodes = {f"n{index}": {"call": call, **extra} for index, (call, extra) in enumerate(calls)}
    ends = ["x", *(f"n{index}.out" for index in range(len(calls)))]
    edges = [[ends[index], f"n{index}.x"] for index in range(len(calls))]
    return _definition(nodes, edges, f"n{len(calls) - 1}", **more)


def _design(definitions: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "format": "diffusion-design", "format_version": 1, "name": "bomb", "main": "D0", "definitions": definitions, **more
    }  # fmt: skip


def doubling() -> Any:
    """Thirty definitions, each calling the next one twice at other parameters: 2³⁰ frames if none is shared."""
    levels: dict[str, Any] = {}
    for index in range(20):
        parameters = {"k": {"type": "int", "default": 1}}
        calls = [(f"D{index + 1}", {"params": {"k": f"2*k + {bit}"}}) for bit in (0, 1)]
        levels[f"D{index}"] = _chain(calls, parameters=parameters)
    levels["D20"] = _chain([("SiLU", {})], parameters={"k": {"type": "int", "default": 1}})
    return _design(levels)


def nested_repeats() -> Any:
    """Twenty definitions, each repeating the next one 4,096 times."""
    levels = {f"D{index}": _chain([(f"D{index + 1}", {"repeat": 4096})]) for index in range(20)}
    return _design({**levels, "D20": _chain([("Conv2d", {"params": {"out_channels": 4}})])})


def indexed_repeats() -> Any:
    """Repeats whose bodies depend on the index, within repeats that do too."""
    k = {"k": {"type": "int", "default": 1}}
    levels = {
        f"D{index}": _chain([(f"D{index + 1}", {"repeat": 4000, "params": {"k": "k + i"}})], parameters=k)
        for index in range(4)
    }
    return _design({**levels, "D4": _chain([("SiLU", {})], parameters=k)})


def deep_calls() -> Any:
    """Two thousand definitions, each calling the next."""
    levels = {f"D{index}": _chain([(f"D{index + 1}", {})]) for index in range(2000)}
    return _design({**levels, "D2000": _chain([("SiLU", {})])})


def long_cycle() -> Any:
    """Definitions that call each other in a ring."""
    return _design({f"D{index}": _chain([(f"D{(index + 1) % 500}", {})]) for index in range(500)})


def many_nodes() -> Any:
    """A chain of twenty thousand nodes."""
    return _design({"D0": _chain([("SiLU", {})] * 20_000)})


def many_edges() -> Any:
    """Every node of four hundred joined with every later one, where one input takes one edge."""
    nodes = {f"n{index}": {"call": "Add"} for index in range(400)}
    edges = [[f"n{a}.out", f"n{b}.a"] for a in range(400) for b in range(a + 1, 400)]
    return _design({"D0": _definition(nodes, [["x", "n0.a"], ["x", "n0.b"], *edges], "n399")})


def growing_sizes() -> Any:
    """Channels that multiply from node to node until the numbers have thousands of digits."""
    calls = [("Conv2d", {"params": {"out_channels": "channels * channels"}})] * 200
    return _design({"D0": _chain(calls, parameters={"channels": {"type": "int", "default": 10**6}})})


def growing_symbols() -> Any:
    """Axes joined and multiplied until the polynomials of free sizes are long."""
    nodes: Nodes = {}
    edges: list[list[str]] = []
    end = "x"
    for index in range(60):
        nodes[f"f{index}"] = {"call": "Flatten", "params": {"start": 1, "end": 2}}
        nodes[f"u{index}"] = {"call": "Unsqueeze", "params": {"axis": 1}}
        nodes[f"c{index}"] = {"call": "ConcatTokens"}
        edges += [[end, f"f{index}.x"], [f"f{index}.out", f"u{index}.x"], [f"u{index}.out", f"c{index}.a"]]
        edges += [[f"u{index}.out", f"c{index}.b"]]
        end = f"c{index}.out"
    return _design({"D0": _definition(nodes, edges, "c59")})


EXPRESSIONS = (
    "9**9**9", "2**8**8", "(" * 500 + "1" + ")" * 500, "+".join(["1"] * 20_000), "[0] * 10**9", "'a' * 10**9", "-" * 5000 + "1",
    "__import__('os').system('true')", "().__class__.__base__.__subclasses__()", "open('x').read()", "i if i else " * 300 + "1",
    "lambda: 0", "[x for x in range(10**9)]", "max(" * 400 + "1" + ")" * 400, "1 //" * 2000 + "1", "10**400", "f'{1}'", "x := 1",
)  # fmt: skip


def expression(text: str) -> Callable[[], Any]:
    """A design that uses the text wherever an expression may stand."""
    return lambda: _design(
        {
            "D0": _chain(
                [("Conv2d", {"params": {"out_channels": text}, "when": text, "repeat": text}), ("Scale", {"params": {"factor": text}})],
                parameters={"k": {"type": "int", "default": 1}},
            )
        }
    )  # fmt: skip


BOMBS = [
    doubling,
    nested_repeats,
    indexed_repeats,
    deep_calls,
    long_cycle,
    many_nodes,
    many_edges,
    growing_sizes,
    growing_symbols,
]


def _bounded() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))


def _answers(path: Path, command: str) -> None:
    arguments = [sys.executable, "-m", "designer", command, str(path)]
    if command == "render":
        arguments += ["-o", str(path.with_suffix(""))]
    done = subprocess.run(
        arguments, capture_output=True, text=True, timeout=SECONDS, preexec_fn=_bounded, check=False
    )
    said = done.stdout + done.stderr
    assert done.returncode in (0, 1, 2), (done.returncode, said[-500:])
    assert said.strip() and "Traceback" not in said, said[-800:]
    assert done.returncode == 0 or len(said) < 200_000


@pytest.mark.parametrize(
    "command",
    [
        "check",
        pytest.param("summary", marks=pytest.mark.slow),
        pytest.param("render", marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("bomb", BOMBS, ids=lambda one: one.__name__)
def test_a_bomb_gets_an_answer(bomb: Callable[[], Any], command: str, tmp_path: Path) -> None:
    path = tmp_path / "bomb.json"
    path.write_text(json.dumps(bomb()), encoding="utf-8")
    _answers(path, command)


@pytest.mark.parametrize("text", EXPRESSIONS, ids=range(len(EXPRESSIONS)))
def test_an_expression_gets_an_answer(text: str, tmp_path: Path) -> None:
    path = tmp_path / "bomb.json"
    path.write_text(json.dumps(expression(text)()), encoding="utf-8")
    _answers(path, "check")
    assert list(tmp_path.iterdir()) == [path]


def test_documents_nested_without_end(tmp_path: Path) -> None:
    for index, text in enumerate(("[" * 100_000, '{"a":' * 100_000, "[" * 100_000 + "]" * 100_000)):
        path = tmp_path / f"{index}.json"
        path.write_text(text, encoding="utf-8")
        _answers(path, "check")


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    from designer.document import load
    from designer.errors import UserError

    rng = random.Random(0)
    for index in range(200):
        path = tmp_path / f"{index}.json"
        path.write_bytes(rng.randbytes(rng.randint(0, 4000)))
        with pytest.raises(UserError):
            load(path)
