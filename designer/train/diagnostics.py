"""Measures a rendered model from outside, in one step out of ten: hooks on its own module names.

Nothing is attached in the steps between, so they cost nothing and never wait for the device; a probed step
waits once, when its numbers are collected.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Protocol
from weakref import ref

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parameter import Parameter

from designer.origin import Known
from designer.train.gradients import on_gradient
from designer.train.mismatch import channel_profile, fine_share, shifts
from designer.train.names import design_nodes, stacks
from designer.train.operations import Observer
from designer.train.record import Array, NodeInfo, SeedRecord, Series
from designer.wrapping.noise import BINS


class _Handle(Protocol):
    def remove(self) -> None: ...


@dataclass(frozen=True)
class _Ratio:
    """One number a sample, [B], measured at an operation between modules in the present step."""

    kind: str
    place: str
    node: str
    rank: int
    values: Tensor


class Probe:
    """Per-node, per-noise-bin measurements of `model` during probed steps.

    Use: `with probe.step(bins): forward; backward`, then `probe.before_update()`, the optimiser's step,
    `probe.after_update()`, `probe.collect(step)`; at the end `probe.fill(record)`.
    `known` are the nodes of its classes.
    """

    def __init__(self, model: nn.Module, known: Iterable[Known] = ()) -> None:
        self._nodes = design_nodes(model, known)
        self._modules = [(name, module) for name, module in model.named_modules() if name]
        self._index = {name: i for i, (name, _) in enumerate(self._modules)}
        self._ranks = [0] * len(self._modules)
        self._stacks = [[self._index[name] for name in group] for group in stacks(model)]
        self._weighted = [
            (n, m) for n, m in self._modules if any(p.requires_grad for p in m.parameters(recurse=False))
        ]
        self._history: list[tuple[int, Array, Array, Array, Array]] = []
        self._series: dict[str, dict[str, Series]] = {
            key: {}
            for key in ("residual", "fusion", "contribution", "logit", "frequency", "timestep", "condition")
        }
        self._order: dict[int, None] = {}
        self._zero_weights: dict[str, bool] = {}
        self._clear()

    def _clear(self) -> None:
        self._squares: dict[int, Tensor] = {}
        self._peaks: dict[int, Tensor] = {}
        self._gradients: dict[int, Tensor] = {}
        self._measured: dict[int, tuple[Any, Tensor, Tensor]] = {}
        self._ratios: list[_Ratio] = []
        self._running: list[str] = []
        self._counts: dict[str, int] = {}
        self._before: list[Tensor] = []
        self._updates: Tensor | None = None

    @contextmanager
    def step(self, bins: Tensor) -> Iterator[None]:
        """Measure the forward and backward pass inside the block; `bins` [B] are the samples' noise bins."""
        self._clear()
        self._bins = bins
        observer = Observer(self, len(bins))
        handles: list[_Handle] = []
        for index, (name, module) in enumerate(self._modules):
            handles.append(module.register_forward_pre_hook(self._entering(name, observer)))
            handles.append(module.register_forward_hook(self._leaving(index)))
        try:
            with observer:
                yield
        finally:
            for handle in handles:
                handle.remove()

    def _entering(self, name: str, observer: Observer) -> Callable[..., None]:
        def hook(module: nn.Module, args: tuple[Any, ...]) -> None:
            self._running.append(name)
            if args and isinstance(args[0], Tensor):
                observer.mark_stream(args[0])

        return hook

    def _leaving(self, index: int) -> Callable[..., None]:
        def hook(module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
            self._running.pop()
            tensors = [t for t in _tensors(output) if t.is_floating_point() and t.ndim]
            if tensors:
                self._measure(index, tensors[0])

        return hook

    def _measure(self, index: int, tensor: Tensor) -> None:
        self._ranks[index] = tensor.ndim
        self._order.setdefault(index)
        known = self._measured.get(id(tensor))
        if known is not None and known[0]() is tensor:
            squares, peaks = known[1:]
        else:
            squares, peaks = self._statistics(tensor)
            self._measured[id(tensor)] = (ref(tensor), squares, peaks)
        self._squares[index], self._peaks[index] = squares, peaks
        if tensor.requires_grad:
            on_gradient(
                tensor, lambda gradient: self._gradients.__setitem__(index, self._squared_norm(gradient))
            )

    def _statistics(self, tensor: Tensor) -> tuple[Tensor, Tensor]:
        """Return each sample's mean square and largest absolute value, [B] float32 each."""
        rows = self._rows(tensor)
        squares = torch.linalg.vector_norm(rows, dim=1, dtype=torch.float32).square() / rows.shape[1]
        return self._whole_batch(squares), self._whole_batch(
            torch.maximum(rows.amax(1), -rows.amin(1)).float()
        )

    def _squared_norm(self, gradient: Tensor) -> Tensor:
        rows = self._rows(gradient)
        return self._whole_batch(torch.linalg.vector_norm(rows, dim=1, dtype=torch.float32).square())

    def _rows(self, tensor: Tensor) -> Tensor:
        """Return the tensor as one row a sample, or as a single row where it has no batch axis."""
        batch = len(self._bins)
        rows = batch if tensor.shape[0] % batch == 0 else 1
        return tensor.detach().reshape(rows, -1)

    def _whole_batch(self, values: Tensor) -> Tensor:
        return values if len(values) == len(self._bins) else values.expand(len(self._bins))

    def _mean_square(self, tensor: Tensor) -> Tensor:
        known = self._measured.get(id(tensor))
        if known is not None and known[0]() is tensor:
            return known[1]
        squares, peaks = self._statistics(tensor)
        self._measured[id(tensor)] = (ref(tensor), squares, peaks)
        return squares

    def node_of(self, module: str) -> str:
        """Return the design's node "Definition/node" of a module name; "" for the model itself."""
        return self._nodes.get(module, "")

    def forget(self, tensor: Tensor) -> None:
        """Drop what is known of `tensor`, which was changed in place."""
        self._measured.pop(id(tensor), None)

    def _note(self, kind: str, rank: int, values: Tensor) -> _Ratio:
        """Keep `values` under the running module's name and the count of such operations in it."""
        module = self._running[-1] if self._running else ""
        count = self._counts[f"{kind}:{module}"] = self._counts.get(f"{kind}:{module}", 0) + 1
        ratio = _Ratio(kind, f"{module}#{count}", self._nodes[module], rank, values)
        self._ratios.append(ratio)
        return ratio

    def residual(self, trunk: Tensor, branch: Tensor) -> None:
        """Record the ratio of branch to trunk rms of an addition."""
        self._note("residual", trunk.ndim, _root_ratio(self._mean_square(branch), self._mean_square(trunk)))

    def fusion(self, deep: Tensor, skip: Tensor) -> None:
        """Record ρ_act = rms(s) / rms(d) and ρ_contrib = ‖s⊙∇s‖ / ‖d⊙∇d‖ where two streams meet."""
        ratio = self._note("fusion", deep.ndim, _root_ratio(self._mean_square(skip), self._mean_square(deep)))
        self._mismatches(ratio, deep, skip)
        if not (deep.requires_grad and skip.requires_grad):
            return
        products: dict[str, Tensor] = {}
        for key, tensor in (("d", deep), ("s", skip)):
            on_gradient(tensor, self._contribution(ratio, products, key, tensor.detach()))

    def _mismatches(self, at: _Ratio, deep: Tensor, skip: Tensor) -> None:
        """Record how the skip differs from the trunk in detail, and from itself over levels and samples."""
        gap = fine_share(skip) - fine_share(deep)
        level, sample = shifts(channel_profile(skip), self._bins, BINS)
        for kind, values in (("frequency", gap), ("timestep", level), ("condition", sample)):
            self._ratios.append(replace(at, kind=kind, values=values))

    def _contribution(
        self, at: _Ratio, products: dict[str, Tensor], key: str, value: Tensor
    ) -> Callable[[Tensor], None]:
        def hook(gradient: Tensor) -> None:
            products[key] = self._squared_norm(gradient * value)
            if len(products) == 2:
                values = _root_ratio(products["s"], products["d"])
                self._ratios.append(replace(at, kind="contribution", values=values))

        return hook

    def logits(self, largest: Tensor) -> None:
        """Record the largest absolute attention logit of each sample, [B]; -1 where it was not computed."""
        self._note("logit", 0, largest)

    def before_update(self, parameters: list[Parameter]) -> None:
        """Keep the weights, so that the step's change can be measured."""
        self._parameters = parameters
        self._before = list(torch._foreach_add([p.detach() for p in parameters], 0))

    def after_update(self) -> None:
        """Measure the squared norms of each weight's change and of the weight, [2, parameters]."""
        torch._foreach_sub_(self._before, [p.detach() for p in self._parameters])
        change = torch.stack(list(torch._foreach_norm(self._before)))
        weight = torch.stack(list(torch._foreach_norm([p.detach() for p in self._parameters])))
        self._updates = torch.stack([change, weight]).float().square()
        self._before = []

    def collect(self, step: int) -> list[float]:
        """Bring the step's numbers to the host (the one wait); return the gradient at the input's end, [8].

        That is, per noise bin, the norm of the gradient of a sample's own loss after it went back through the
        whole network.
        """
        rms = self._per_node(self._squares).sqrt().cpu().numpy()
        peak = self._per_node(self._peaks, largest=True).cpu().numpy()
        # the loss is a mean over the batch: times B is the gradient of each sample's own loss
        gradient = (self._per_node(self._gradients).sqrt() * len(self._bins)).cpu().numpy()
        self._history.append((step, rms, peak, gradient, self._update_ratios()))
        self._collect_ratios()
        self._clear()
        return self._at_first_feature_map(gradient)

    def _at_first_feature_map(self, gradient: Array) -> list[float]:
        for index in self._order:
            if self._ranks[index] >= 3 and np.isfinite(gradient[index]).any():
                return [float(value) for value in gradient[index]]
        return [float("nan")] * BINS

    def _per_node(self, values: dict[int, Tensor], largest: bool = False) -> Tensor:
        """Reduce samples to [nodes, 8]: the mean over each bin, or the largest; NaN where not measured."""
        table = torch.full((len(self._modules), BINS), float("nan"), device=self._bins.device)
        if values:
            table[list(values)] = self._by_bin(torch.stack(list(values.values())), largest)
        return table

    def _by_bin(self, values: Tensor, largest: bool = False) -> Tensor:
        member = nn.functional.one_hot(self._bins, BINS).to(values.dtype)
        if not largest:
            return values @ member / member.sum(0)
        inside = values.unsqueeze(2).masked_fill(member.eq(0), -1).amax(1)
        return inside.masked_fill(inside < 0, float("nan"))

    def _update_ratios(self) -> Array:
        if self._updates is None:
            return np.full(len(self._weighted), np.nan, np.float32)
        squares = dict(zip(map(id, self._parameters), self._updates.T.cpu().numpy(), strict=True))
        ratios = []
        for name, module in self._weighted:
            own = [squares[id(p)] for p in module.parameters(recurse=False) if id(p) in squares]
            change, weight = np.sum(own, axis=0) if own else (np.nan, np.nan)
            self._zero_weights[name] = bool(weight == 0)
            ratios.append(np.sqrt(change / max(weight, 1e-24)))
        return np.asarray(ratios, np.float32)

    def _collect_ratios(self) -> None:
        if not self._ratios:
            return
        values = torch.stack([ratio.values for ratio in self._ratios])
        tables = torch.stack([self._by_bin(values), self._by_bin(values, largest=True)]).cpu().tolist()
        for ratio, mean, largest in zip(self._ratios, *tables, strict=True):
            series = self._series[ratio.kind].setdefault(
                ratio.place, Series(ratio.place, ratio.node, rank=ratio.rank)
            )
            series.values.append(largest if ratio.kind == "logit" else mean)

    def fill(self, record: SeedRecord) -> None:
        """Put everything measured so far into `record`."""
        info = [
            NodeInfo(name, self._nodes[name], type(module).__name__, rank)
            for (name, module), rank in zip(self._modules, self._ranks, strict=True)
        ]
        record.nodes = info
        record.order = list(self._order)
        record.stacks = self._stacks
        record.zero_weights = [self._zero_weights.get(name, False) for name, _ in self._weighted]
        record.weighted = [info[self._index[name]] for name, _ in self._weighted]
        if self._history:
            steps, rms, peak, gradient, update = zip(*self._history, strict=True)
            record.probe_steps = list(steps)
            record.rms, record.peak, record.gradient = np.stack(rms), np.stack(peak), np.stack(gradient)
            record.update_ratio = np.stack(update)
        record.residuals = list(self._series["residual"].values())
        record.fusions = list(self._series["fusion"].values())
        record.contributions = list(self._series["contribution"].values())
        record.logits = list(self._series["logit"].values())
        record.frequency_gaps = list(self._series["frequency"].values())
        record.timestep_shifts = list(self._series["timestep"].values())
        record.condition_spreads = list(self._series["condition"].values())


def _tensors(output: Any) -> Iterator[Tensor]:
    if isinstance(output, Tensor):
        yield output
    elif isinstance(output, dict):
        for value in output.values():
            yield from _tensors(value)
    elif isinstance(output, list | tuple):
        for value in output:
            yield from _tensors(value)


def _root_ratio(numerator: Tensor, denominator: Tensor) -> Tensor:
    return (numerator / denominator.clamp(min=1e-30)).sqrt()
