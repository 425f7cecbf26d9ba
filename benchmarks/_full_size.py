"""Published models at their own size against code that nobody here wrote, in fp32: `coverage --full` prints it.

Both sides stand on the meta device, and a weight exists only while the module that owns it runs: it is drawn
anew from the name that it has in the reference, the import's rules saying which names make each tensor of the
rendered model. So the memory is that of the largest module, whatever the model weighs.
"""

import json
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import diffusers
import torch
from torch import Tensor, nn

from designer.importers import convert_config
from designer.importers.weights import Assignment, assign
from designer.presets import Preset, presets
from designer.reader import read_design
from designer.render import load_model, render
from tests.parity import test_pixel_unets as pixels
from tests.parity.harness import difference, flat_inputs, has_dict, leaves, tensor_of
from tests.parity.straight_dit import dit as straight_dit
from tests.parity.straight_line import Weights
from tests.parity.straight_uvit import uvit as straight_uvit

PUBLISHED = Path(__file__).with_name("published_models.json")
Draw = Callable[[str], Tensor]
Row = tuple[str, ...]
Run = Callable[[], tuple[float, int]]
NOISE = 2**25
SMALL = 2**25  # parameters of a module that is there as a whole
HEADER = ("model", "reference", "parameters", "fp32", "error at full size", "time")


def rows(names: Sequence[str]) -> Iterator[Row]:
    """Yield a row for each model of these names (all, if there are none), the smallest first."""
    published = json.loads(PUBLISHED.read_text(encoding="utf-8"))
    runs: list[tuple[int, str, str, Run]] = [
        (one["parameters"], one["preset"], one["class"], partial(against_diffusers, one)) for one in published
    ]
    for preset in presets():
        reference = _straight(preset)
        if reference:
            run = partial(against_paper, preset, reference)
            runs.append((preset.parameters, preset.id, "straight-line code", run))
    for _, name, reference, run in sorted(runs, key=lambda run: run[:3]):
        if not names or name in names:
            yield _row(name, reference, run)


def _row(name: str, reference: str, run: Run) -> Row:
    started = time.perf_counter()
    try:
        error, count = run()
    except Exception as problem:
        return name, reference, "", "", f"FAIL {type(problem).__name__}: {problem}"[:200], ""
    seconds = time.perf_counter() - started
    return (
        name,
        reference,
        f"{count:,}",
        f"{count * 4 / 2**30:.1f} GiB",
        f"{'FAIL ' * (error > 1e-5)}{error:.1e}",
        f"{seconds:.0f} s",
    )


def against_diffusers(one: Mapping[str, Any]) -> tuple[float, int]:
    """Return the largest error of the import of a published configuration, and its number of parameters."""
    torch.manual_seed(0)
    with skeleton():
        reference = getattr(diffusers, one["class"])(**one["arguments"]).eval()
        imported = convert_config({"_class_name": one["class"], **one["arguments"]})
        rendering = render(read_design(imported.document))
        model = load_model(rendering)().eval()
    values = {name: tensor_of(value) for name, value in one["inputs"].items()}
    source, target = reference.state_dict(), model.state_dict()
    shapes = [{name: tuple(tensor.shape) for name, tensor in one.items()} for one in (source, target)]
    parts = {part.target: part for part in assign(imported.rules, *shapes)}

    def draw(name: str) -> Tensor:
        return drawn(name, source[name])

    with torch.no_grad():
        with living(reference, draw):
            wanted = reference(**values, **({"return_dict": False} if has_dict(reference) else {}))
        with living(model, lambda name: joined(parts[name], draw)):
            found = model(*[flat_inputs(values)[port.name] for port in rendering.inputs])
    return difference(list(leaves(found)), list(leaves(wanted))), _count(reference)


def against_paper(preset: Preset, reference: Callable[..., Any]) -> tuple[float, int]:
    """Return the largest error of a preset against straight-line code, and its number of parameters."""
    torch.manual_seed(0)
    with skeleton():
        model = load_model(render(preset.design))().eval()
    state, inputs = model.state_dict(), _inputs(preset)

    def draw(name: str) -> Tensor:
        return drawn(name, state[name])

    with torch.no_grad():
        with living(model, draw):
            found = model(*inputs.values())
        wanted = reference(Drawn(state, draw), inputs)
    return difference(list(leaves(found)), list(leaves(wanted))), _count(model)


class Drawn(dict[str, Tensor]):
    """The weights of a model by name, each drawn when it is read."""

    def __init__(self, state: Mapping[str, Tensor], draw: Draw) -> None:
        super().__init__(state)
        self.draw = draw

    def __getitem__(self, name: str) -> Tensor:
        return self.draw(name)


def drawn(name: str, value: Tensor) -> Tensor:
    """Return the weight of this name: of unit gain if it is a matrix, else near 1 (a weight) or 0 (a bias).

    What is no trained weight (tables, statistics) is real, and stays.
    """
    if not value.is_meta:
        return value
    start = zlib.crc32(name.encode()) % NOISE
    noise = _noise()[start : start + value.numel()]
    if noise.numel() < value.numel():
        rounds = [_noise()] * (value.numel() // NOISE + 1)
        noise = torch.cat([noise, *rounds])[: value.numel()]
    noise = noise.view(value.shape)
    if noise.ndim > 1:
        return noise * (noise.numel() / len(noise)) ** -0.5
    return noise * 0.1 + float(name.endswith("weight"))


@lru_cache(maxsize=1)
def _noise() -> Tensor:
    """Return normal numbers, of which each weight has those from a place of its own."""
    return torch.randn(NOISE, generator=torch.Generator().manual_seed(0))


def joined(part: Assignment, draw: Draw) -> Tensor:
    """Return a tensor of the rendered model from those of the reference."""
    pieces = []
    for piece in part.pieces:
        chunks = draw(piece.source).chunk(len(piece.order or (0,)))
        pieces += [chunks[index] for index in piece.order or (0,)]
    return (pieces[0] if len(pieces) == 1 else torch.cat(pieces)).reshape(part.shape)


@contextmanager
def skeleton() -> Iterator[None]:
    """Let modules that are constructed keep trained parameters on the meta device; the rest is real."""
    original = nn.Module.register_parameter

    def register(module: nn.Module, name: str, parameter: nn.Parameter | None) -> None:
        if parameter is not None and parameter.requires_grad:
            parameter = nn.Parameter(parameter.detach().to("meta"))
        original(module, name, parameter)

    nn.Module.register_parameter = register  # type: ignore[method-assign]
    try:
        yield
    finally:
        nn.Module.register_parameter = original  # type: ignore[method-assign]


@contextmanager
def living(model: nn.Module, draw: Draw) -> Iterator[None]:
    """Let each module have its trained parameters while it runs, and only then; the rest is set at once.

    Small modules have those of their parts too: some read them without calling the part.
    """
    stored = model.state_dict().keys()
    owned: dict[nn.Module, dict[str, str]] = {}
    for path, module in model.named_modules():
        for name, value in (*module._parameters.items(), *module._buffers.items()):
            full = f"{path}.{name}" if path else name
            if value is not None and full in stored and value.is_meta:
                owned.setdefault(module, {})[name] = full
            elif value is not None and full in stored:
                value.data = draw(full)
    hooks: list[Any] = []
    for module in model.modules():
        parts = list(module.modules()) if _count(module) <= SMALL else [module]
        names = {one: owned[one] for one in parts if one in owned}
        if names:
            hooks += _hooks(module, names, draw)
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _hooks(module: nn.Module, owned: Mapping[nn.Module, Mapping[str, str]], draw: Draw) -> list[Any]:
    filled: list[tuple[nn.Module, str, nn.Parameter]] = []

    def fill(*_: Any) -> None:
        for owner, names in owned.items():
            for name, full in names.items():
                skeleton = owner._parameters[name]
                if skeleton is not None and skeleton.is_meta:
                    owner._parameters[name] = nn.Parameter(draw(full), requires_grad=False)
                    filled.append((owner, name, skeleton))

    def empty(*_: Any) -> None:
        for owner, name, skeleton in filled:
            owner._parameters[name] = skeleton
        filled.clear()

    return [module.register_forward_pre_hook(fill), module.register_forward_hook(empty)]


def _count(model: nn.Module) -> int:
    return sum(one.numel() for one in model.parameters())


def _straight(preset: Preset) -> Callable[[Mapping[str, Tensor], dict[str, Any]], Any] | None:
    """Return the straight-line code of a family, made for the size of the preset."""
    if preset.family not in ("adm", "iddpm", "edm", "edm2", "dit", "uvit") or not preset.published:
        return None
    build: Any = preset.document
    size = build.args[0]
    if preset.family == "uvit":
        sizes = {"depth": size["depth"], "count": size["num_heads"], "patch": size["patch_size"]}
        return lambda w, given: straight_uvit(w, given["x"], given["t"], given.get("y"), **sizes)
    if preset.family == "dit":
        sizes = {"depth": size["depth"], "count": size["num_heads"], "patch": size["patch_size"]}
        condition = next(iter(build.args[1:]), build.keywords.get("conditioning", "adaln-zero"))
        return lambda w, given: straight_dit(w, given["x"], given["t"], given["y"], condition, **sizes)
    make = {"edm": pixels.edm_reference, "edm2": pixels.edm2_reference}.get(
        preset.family, pixels.adm_reference
    )
    return lambda w, given: make(size)(Weights(w), given)  # type: ignore[arg-type]


def _inputs(preset: Preset) -> dict[str, Any]:
    """Inputs for one sample, a quarter as high and wide (at least 16) where the network takes any size."""
    inputs = {
        name: value[1:] if isinstance(value, Tensor) else value
        for name, value in pixels.inputs_of(preset.design).items()
    }
    if preset.family not in ("dit", "uvit"):
        channels, height, _ = preset.design.training["sample_shape"]
        side = max(height // 4, 16)
        inputs["x"] = torch.randn(1, channels, side, side)
    return inputs
