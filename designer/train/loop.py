"""The training loop of one seed: AdamW at a constant rate, no warm-up, no clipping.

Between probed steps nothing waits for the device: losses and gradient norms stay there, and the fused
optimiser itself leaves the weights alone from the first step whose loss or gradient is not finite, so that
the step can be repeated afterwards to find the module that caused it.
"""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from designer.origin import Known
from designer.train.data import Dataset
from designer.train.diagnostics import Probe
from designer.train.ema import Average
from designer.train.freezing import freeze
from designer.train.inputs import Caller, predicted
from designer.train.nonfinite import first_nonfinite
from designer.train.objective import divergence, squared_errors, weighted_loss
from designer.train.options import TrainOptions
from designer.train.record import NonFinite, SeedRecord
from designer.train.teacher import Teacher
from designer.wrapping.noise import BINS, Process, per_bin

PROBE_EVERY = 10
_EVENT_SECONDS = 1.0
_MOST_PROBES = 200
Emit = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Job:
    """All that a seed needs: how to build the model, its data, forward process, arguments, device.

    `known` are the nodes of its classes; `should_stop` is asked before each step;
    `channels`, [C] or [N, C] of each sample, weigh errors; `frozen` and `trainable` are parts of the design, as in `designer.train.freezing`;
    the last `conditioning` channels of a sample are given as they are, beside the noisy ones;
    what `teacher` predicts is the target where there is one.
    """

    build: Callable[[], nn.Module]
    data: Dataset
    process: Process
    caller: Caller
    options: TrainOptions
    device: torch.device
    known: frozenset[Known] = frozenset()
    should_stop: Callable[[], bool] = lambda: False
    probing: bool = True
    channels: Tensor | None = None
    channel_axis: int = 1
    conditioning: int = 0
    frozen: tuple[str, ...] = ()
    trainable: tuple[str, ...] = ()
    teacher: Teacher | None = None


@dataclass(frozen=True)
class Batch:
    """One batch on the device: forward's arguments, target [B, C, ...], noise bins [B], weights of errors.

    `weight` [B] are those of noise levels, `channels` [C] or [B, C] those of channels, if any.
    """

    arguments: tuple[Tensor, ...]
    target: Tensor
    bins: Tensor
    weight: Tensor
    channels: Tensor | None = None


def make_batch(job: Job, seed: int, step: int) -> Batch:
    """Return the batch of (seed, step), the same for every design of this shape and on every device."""
    generator = torch.Generator().manual_seed(seed * 1_000_003 + step)
    count = job.options.batch_size
    index = job.data.pick(count, generator)
    given, labels = job.data.samples[index], job.data.labels[index]
    kept = given.shape[job.channel_axis] - job.conditioning
    x0, conditions = (given.narrow(job.channel_axis, *part) for part in ((0, kept), (kept, job.conditioning)))
    t, bins = job.process.sample_levels(count, generator)
    eps = torch.randn(x0.shape, generator=generator)
    x, level, sigma = job.process.seen(x0, eps, t)
    seen = torch.cat([x, conditions], dim=job.channel_axis)
    arguments = job.caller.arguments(seen, level, labels, generator, sigma)
    target = _move(job.process.target(x0, eps, t), job.device)
    moved = tuple(_move(a, job.device) for a in arguments)
    if job.teacher is not None:
        target = job.teacher(moved, target.shape[job.channel_axis], job.channel_axis)
    channels = job.channels[index] if job.channels is not None and job.channels.ndim > 1 else job.channels
    return Batch(
        moved,
        target,
        _move(bins, job.device),
        _move(job.process.weight(t), job.device),
        None if channels is None else _move(channels, job.device),
    )


def _move(tensor: Tensor, device: torch.device) -> Tensor:
    if device.type == "cpu":
        return tensor
    return tensor.pin_memory().to(device, non_blocking=True)


class SeedRun:
    """One seed: `run()` trains and returns (record, model); `average` holds the moving average, if any."""

    def __init__(self, job: Job, seed: int, emit: Emit, seeds_before: int = 0) -> None:
        self.job, self.seed, self._emit, self._seeds_before = job, seed, emit, seeds_before
        options = job.options
        torch.manual_seed(seed)
        self.model = job.build().to(job.device).train()
        freeze(self.model, job.known, job.frozen, job.trainable)
        self.parameters = [p for p in self.model.parameters() if p.requires_grad]
        fused = job.device.type in ("cpu", "cuda")
        self._optimizer = torch.optim.AdamW(
            self.parameters, lr=options.learning_rate, betas=(0.9, 0.99), weight_decay=0.0, fused=fused
        )
        self._scaler = torch.amp.GradScaler(
            job.device.type, enabled=options.precision == "fp16", init_scale=2.0**12
        )
        self.average = Average(self.parameters, options.ema) if options.ema is not None else None
        self._probe = Probe(self.model, job.known)
        self.record = SeedRecord(seed, options.steps, options.learning_rate)
        shape = (options.steps, options.batch_size)
        self._mse, self._power = (torch.zeros(shape, device=job.device) for _ in range(2))
        self._bins = torch.zeros(shape, dtype=torch.int64, device=job.device)
        self._norms = torch.zeros(options.steps, device=job.device)
        self._bad = torch.zeros((), device=job.device)
        self._gradient_bins: list[float] = [float("nan")] * BINS
        self._emitted = 0.0

    def run(self) -> SeedRecord:
        """Train until the last step, a non-finite loss or a request to stop."""
        started = time.monotonic()
        for step in range(self.job.options.steps):
            if self.job.should_stop():
                break
            probed = self.job.probing and is_probed(step, self.job.options.steps)
            self.train_step(step, probed)
            self.record.steps_done = step + 1
            if probed or time.monotonic() - self._emitted > _EVENT_SECONDS:
                self._progress(step, started)
                if not self._finite(step):
                    break
        self._finish()
        return self.record

    def train_step(self, step: int, probed: bool) -> None:
        """Train one step, measured or not."""
        batch = make_batch(self.job, self.seed, step)
        self._optimizer.zero_grad(set_to_none=True)
        with self._probe.step(batch.bins) if probed else nullcontext():
            loss = self._loss(batch, step)
            torch.autograd.backward(self._scaler.scale(loss))
        self._scaler.unscale_(self._optimizer)
        self._norms[step] = self._gradient_norm()
        if probed:
            self._probe.before_update(self.parameters)
        self._update(step)
        if probed:
            self._probe.after_update()
            self._gradient_bins = self._probe.collect(step)
        if self.average is not None:
            self.average.update()

    def _loss(self, batch: Batch, step: int) -> Tensor:
        """Return the loss of a batch; keep each sample's squared error, and its target's mean square."""
        loss, errors = self._objective(batch)
        self._mse[step] = errors.detach()
        self._power[step] = batch.target.square().flatten(1).mean(1)
        self._bins[step] = batch.bins
        return loss

    def _objective(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return the loss of a batch, and each sample's unweighted mean squared error."""
        with self._autocast():
            output = self.model(*batch.arguments)
        axis = self.job.channel_axis
        prediction = predicted(output, batch.target.shape[axis], axis)
        errors = squared_errors(prediction, batch.target, None)
        log_variance = output[1] if self.job.process.uncertainty else None
        weighed = errors
        if batch.channels is not None:
            weighed = squared_errors(prediction, batch.target, batch.channels, axis)
        loss = weighted_loss(weighed, batch.weight, log_variance)
        if self.job.process.kl_weight:
            loss = loss + self.job.process.kl_weight * divergence(output[1]).mean()
        return loss, errors

    def _autocast(self) -> AbstractContextManager[Any]:
        precision = self.job.options.precision
        if precision == "fp32":
            return nullcontext()
        dtype = torch.bfloat16 if precision == "bf16" else torch.float16
        return torch.autocast(self.job.device.type, dtype=dtype)

    def _gradient_norm(self) -> Tensor:
        gradients = [p.grad for p in self.parameters if p.grad is not None]
        return torch.stack(list(torch._foreach_norm(gradients))).norm() if gradients else self._bad

    def _update(self, step: int) -> None:
        """Take the optimiser's step unless this or an earlier one was not finite, decided on the device."""
        if self._scaler.is_enabled():
            self._scaler.step(self._optimizer)
            self._scaler.update()
            return
        healthy = self._norms[step].isfinite() & self._mse[step].isfinite().all()
        self._bad = torch.maximum(self._bad, (~healthy).float())
        # the protocol of GradScaler: the fused kernel skips the step where found_inf is not zero
        self._optimizer.found_inf = self._bad  # type: ignore[attr-defined]
        self._optimizer.grad_scale = None  # type: ignore[attr-defined]
        self._optimizer.step()

    def _finite(self, step: int) -> bool:
        """Say whether all is finite so far; if not, repeat the first bad step to find the module."""
        losses = self._mse[: step + 1].mean(1)
        bad = ~losses.isfinite()
        if not self._scaler.is_enabled():
            bad |= ~self._norms[: step + 1].isfinite()
        steps = bad.nonzero().flatten().tolist()
        if not steps:
            return True
        self.record.nonfinite = self._explain(steps[0])
        self.record.steps_done = steps[0] + 1
        return False

    def _explain(self, step: int) -> NonFinite:
        batch = make_batch(self.job, self.seed, step)
        self._optimizer.zero_grad(set_to_none=True)
        where, module = first_nonfinite(self.model, lambda: self._objective(batch)[0])
        node = self._probe.node_of(module)
        return NonFinite(step, where or "gradient norm", module, node)

    def _progress(self, step: int, started: float) -> None:
        self._emitted = time.monotonic()
        steps = self.job.options.steps
        mse, power = self._mse[step].cpu(), self._power[step].cpu()
        elapsed = self._emitted - started
        left = (len(self.job.options.seeds) - self._seeds_before) * steps - step - 1
        bins = self._bins[step].cpu()
        self._emit(
            {
                "type": "progress",
                "seed": self.seed,
                "step": step + 1,
                "steps": steps,
                "loss": float(mse.mean()),
                "grad_norm": float(self._norms[step]),
                "loss_per_bin": (per_bin(mse, bins) / per_bin(power, bins)).tolist(),
                "grad_per_bin": self._gradient_bins,
                "seconds_left": elapsed / (step + 1) * left,
            }
        )

    def _finish(self) -> None:
        """Fill the record with the curves of the steps that were done."""
        record, done = self.record, self.record.steps_done
        mse, power, bins = (value[:done].cpu() for value in (self._mse, self._power, self._bins))
        self._probe.fill(record)
        if done:
            member = nn.functional.one_hot(bins, BINS).float()
            error, target = (torch.einsum("sb,sbk->sk", value, member) for value in (mse, power))
            record.nloss_bins = (error / target).tolist()
            record.nloss = (error / target).nanmean(1).tolist()
            record.loss = mse.mean(1).tolist()
            record.grad_norm = self._norms[:done].cpu().tolist()
        if record.nonfinite is None and done:
            self._finite(done - 1)
        record.skipped_steps = sum(not np.isfinite(value) for value in record.grad_norm)


def is_probed(step: int, steps: int) -> bool:
    """Say whether `step` is measured: every tenth (in long runs 200 of all), and the last."""
    return step % max(PROBE_EVERY, steps // _MOST_PROBES) == 0 or step == steps - 1
