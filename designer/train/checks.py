"""The checks of one seed's record: each yields findings, or nothing.

Each threshold is stated once, beside its check, with its warning and its failing level.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from designer.train.record import NodeInfo, SeedRecord, Series

TRANSFORMER_GROWTH, UNET_GROWTH, GROWTH_FAIL = 3.5, 8.0, 30.0
STARVED_WARN, STARVED_FAIL, STARVED_FROM = 10.0, 30.0, 20
NOT_LEARNING, NOT_LEARNING_STEPS = 0.985, 100
DEAD_RATIO, DEAD_STEPS = 0.1, 30
SPIKE_WARN, SPIKE_FAIL, SPIKE_COUNT, SPIKE_FACTOR, SPIKE_FROM = 10.0, 30.0, 3, 3.0, 10
DAMAGE = 1.05
BIN_WARN, BIN_FAIL = 1.15, 1.5
LOGIT_WARN, LOGIT_FAIL = 50.0, 1e3
SKIP_WARN = 5.0
# DDPM's attention without zero-initialisation, as diffusers has it, is 2.1 in a small U-Net and trains well
TRANSFORMER_BRANCH, UNET_BRANCH = 1.5, 3.5
HEADROOM_WARN, HEADROOM_FAIL = 6.5e3, 6.5e4


@dataclass(frozen=True)
class Finding:
    """One observation against its threshold.

    `node` is the design's "Definition/node", `module` the rendered model's own name, `noise_bins` those of
    0..7 (0: least noise) in which it was seen, `mechanism` why it matters, `article_section` where that is
    explained.
    """

    code: str
    severity: str
    figure: float
    threshold: float
    message: str
    mechanism: str
    article_section: str
    node: str = ""
    module: str = ""
    noise_bins: tuple[int, ...] = ()
    step: int | None = None

    def excess(self) -> float:
        """Return how far the figure is from its threshold, as a factor of at least one; infinite if NaN."""
        if not np.isfinite(self.figure) or self.figure <= 0 or self.threshold <= 0:
            return float("inf")
        return max(self.figure / self.threshold, self.threshold / self.figure)


def level(value: float, warn: float, fail: float) -> tuple[str, float]:
    """Return ("FAIL", fail), ("WARN", warn) or ("", 0) for a figure that should stay small."""
    if value > fail:
        return "FAIL", fail
    return ("WARN", warn) if value > warn else ("", 0.0)


def nonfinite(record: SeedRecord) -> Iterator[Finding]:
    """E1: any NaN or infinity; in fp16 also gradients that overflow in more than a fifth of the steps."""
    bad = record.nonfinite
    mechanism = "a value left the range of its format; everything computed from it is lost"
    if bad is not None:
        place = f"module {bad.module}" if bad.module else "the loss"
        text = f"step {bad.step}: NaN or infinity in the {bad.where}, first at {place}"
        yield Finding(
            "E1", "FAIL", float("nan"), 0.0, text, mechanism, "10, 11", bad.node, bad.module, (), bad.step
        )
    elif record.skipped_steps > max(5, record.steps_done // 5):
        text = (
            f"{record.skipped_steps} of {record.steps_done} steps had gradients that overflow this precision"
        )
        yield Finding("E1", "FAIL", record.skipped_steps, record.steps_done / 5, text, mechanism, "12.1")


def growth(record: SeedRecord) -> Iterator[Finding]:
    """E2: how much louder the residual stream is than at its start, at initialisation."""
    if not len(record.rms):
        return
    rms = _over_bins(record.rms[0])
    transformer = _transformer_stacks(record)
    streams = transformer or [_feature_maps(record)]
    for stream in streams:
        values = [rms[i] for i in stream]
        if len(values) < 2 or not values[0] > 0:
            continue
        ratios = np.asarray(values) / values[0]
        largest = int(np.nanargmax(ratios))
        figure = float(ratios[largest])
        warn = TRANSFORMER_GROWTH if transformer else UNET_GROWTH
        # a loud trunk whose blocks normalise it trains well; where none does, the gradient shows it
        fail = GROWTH_FAIL if transformer or gradient_peak(record) > SPIKE_WARN else np.inf
        severity, threshold = level(figure, warn, fail)
        if severity:
            node = record.nodes[stream[largest]]
            text = (
                f"at initialisation {node.module} is {figure:.3g} times louder than the start of its stream"
            )
            why = "variance accumulates along the residual stream; later blocks matter less and may overflow"
            yield Finding("E2", severity, figure, threshold, text, why, "10.1, 10.2", node.node, node.module)


def starved_blocks(record: SeedRecord) -> Iterator[Finding]:
    """E3: gradient at the last block over the smallest of the stack's blocks (transformers only)."""
    late = [i for i, step in enumerate(record.probe_steps) if step >= STARVED_FROM]
    for stack in _transformer_stacks(record) if late else []:
        gradient = np.nanmean(record.gradient[late][:, stack], axis=(0, 2))
        if not np.isfinite(gradient).all() or gradient.max() == 0:
            continue
        smallest = int(gradient.argmin())
        figure = float(gradient[-1] / gradient[smallest]) if gradient[smallest] > 0 else float("inf")
        severity, threshold = level(figure, STARVED_WARN, STARVED_FAIL)
        if severity:
            node = record.nodes[stack[smallest]]
            text = (
                f"the gradient at {node.module} is {figure:.3g} times smaller than at the stack's last block"
            )
            why = "the backward signal shrinks from block to block; early blocks hardly learn"
            yield Finding("E3", severity, figure, threshold, text, why, "11.3", node.node, node.module)


def not_learning(record: SeedRecord) -> Iterator[Finding]:
    """E4: the loss at the end is what predicting zero costs. Judged from 100 steps on."""
    figure = record.final_nloss()
    if record.steps_done >= NOT_LEARNING_STEPS and figure >= NOT_LEARNING:
        bins = tuple(i for i, value in enumerate(record.final_nloss_bins()) if value >= NOT_LEARNING)
        text = f"after {record.steps_done} steps the normalised loss is {figure:.3f}; predicting zero costs 1"
        why = "the network has learned nothing: its signal or its gradient does not get through"
        yield Finding("E4", "FAIL", figure, NOT_LEARNING, text, why, "1.1", noise_bins=bins)


def dead_weights(record: SeedRecord) -> Iterator[Finding]:
    """E5: weights that do not move: median ‖Δw‖/‖w‖ below a tenth of the learning rate.

    Tables and gains are judged only by an exact zero: few rows of a table are in a batch, and the gain of a
    norm is so large against its update that a healthy one can be below the threshold.
    """
    if record.steps_done < DEAD_STEPS or not len(record.update_ratio):
        return
    with np.errstate(all="ignore"):
        ratios = np.nanmedian(record.update_ratio, axis=0) / record.learning_rate
    dead = [i for i, node in enumerate(record.weighted) if _is_dead(node, float(ratios[i]))]
    if dead:
        # weights that are still zero are the cause; others may be dead because of them
        index = next((i for i in dead if record.zero_weights and record.zero_weights[i]), dead[0])
        node, figure = record.weighted[index], float(ratios[index])
        others = f" (and {len(dead) - 1} more)" if len(dead) > 1 else ""
        text = f"the weights of {node.module}{others} move by {figure:.2g} learning rates a step"
        why = "no gradient reaches them: two factors of one product start at zero, or nothing depends on them"
        # a gain alone says little: published blocks hold some that nothing depends on
        severity = "WARN" if all("Norm" in record.weighted[i].kind for i in dead) else "FAIL"
        yield Finding("E5", severity, figure, DEAD_RATIO, text, why, "10.3", node.node, node.module)


def _is_dead(node: NodeInfo, ratio: float) -> bool:
    matrix = any(word in node.kind for word in ("Linear", "Conv"))
    return ratio == 0 or (matrix and ratio < DEAD_RATIO)


def spikes(record: SeedRecord) -> Iterator[Finding]:
    """E6: gradient-norm peaks and loss spikes; failing only when the loss was damaged."""
    figure = gradient_peak(record)
    spiked = spike_steps(record.nloss)
    damaged = _is_damaged(record.nloss)
    if damaged and (figure > SPIKE_FAIL or len(spiked) >= SPIKE_COUNT):
        severity, threshold = "FAIL", SPIKE_FAIL
    elif figure > SPIKE_WARN:
        severity, threshold = "WARN", SPIKE_WARN
    else:
        return
    step = spiked[0] if spiked else SPIKE_FROM + int(np.nanargmax(record.grad_norm[SPIKE_FROM:]))
    loss = "; the loss did not recover" if damaged else ""
    text = f"the gradient norm peaks at {figure:.3g} times its median, with {len(spiked)} loss spikes{loss}"
    why = "single batches throw the weights far; the rate is too high for the sharpest direction"
    yield Finding("E6", severity, figure, threshold, text, why, "1.1", step=step)


def gradient_peak(record: SeedRecord) -> float:
    """Return the largest gradient norm over the median, both without the first ten steps; 0 if too short."""
    norms = np.asarray(record.grad_norm[SPIKE_FROM:], dtype=np.float64)
    norms = norms[np.isfinite(norms)]
    if len(norms) < SPIKE_FROM or np.median(norms) == 0:
        return 0.0
    return float(norms.max() / np.median(norms))


def spike_steps(loss: Sequence[float], window: int = 20) -> list[int]:
    """Return the steps whose loss is over three times the median of the `window` steps before them."""
    values = np.asarray(loss, dtype=np.float64)
    return [
        step
        for step in range(SPIKE_FROM, len(values))
        if values[step] > SPIKE_FACTOR * np.median(values[max(0, step - window) : step])
    ]


def _is_damaged(loss: Sequence[float]) -> bool:
    """Say whether the last tenth of the run is 5 % worse than its best tenth."""
    size = max(5, len(loss) // 10)
    means = [float(np.mean(loss[i : i + size])) for i in range(0, len(loss) - size + 1, size)]
    return len(means) > 1 and float(np.mean(loss[-size:])) > DAMAGE * min(means)


def noise_bins(record: SeedRecord) -> Iterator[Finding]:
    """E7: a noise level at which the network is worse than predicting zero."""
    if record.steps_done < DEAD_STEPS:
        return
    bins = record.final_nloss_bins()
    figure = max((value for value in bins if np.isfinite(value)), default=0.0)
    severity, threshold = level(figure, BIN_WARN, BIN_FAIL)
    if severity:
        worse = tuple(i for i, value in enumerate(bins) if value > threshold)
        at = bins.index(figure)
        text = f"in noise bin {at} of 0-7 the normalised loss is {figure:.3g}; predicting zero costs 1"
        why = "another noise level owns the gradient, or the target's size varies with the level"
        yield Finding("E7", severity, figure, threshold, text, why, "1.3", noise_bins=worse)


def attention_logits(record: SeedRecord) -> Iterator[Finding]:
    """E8: the largest attention logit."""
    text = "the largest attention logit is {:.3g}"
    why = "softmax saturates: attention becomes a hard choice without gradient"
    yield from _largest(record.logits, "E8", LOGIT_WARN, LOGIT_FAIL, text, why, "12.1")


def skip_ratio(record: SeedRecord) -> Iterator[Finding]:
    """W9: ρ_act = rms(skip) / rms(trunk) at initialisation."""
    first = [Series(s.place, s.node, s.values[:1]) for s in record.fusions]
    text = "at initialisation the skip is {:.3g} times louder than what it joins"
    why = "the skip dominates: the deep path is drowned out"
    yield from _largest(first, "W9", SKIP_WARN, np.inf, text, why, "5.1")


def branch_ratio(record: SeedRecord) -> Iterator[Finding]:
    """W10: rms(branch) / rms(trunk) of a residual addition at initialisation."""
    for rank, warn in ((3, TRANSFORMER_BRANCH), (4, UNET_BRANCH)):
        first = [Series(s.place, s.node, s.values[:1]) for s in record.residuals if min(s.rank, 4) == rank]
        text = "at initialisation the branch is {:.3g} times louder than its trunk"
        why = "a random branch overwrites the stream instead of refining it"
        yield from _largest(first, "W10", warn, np.inf, text, why, "10.2")


def headroom(record: SeedRecord) -> Iterator[Finding]:
    """E11: the largest activation against what fp16 can hold."""
    if not len(record.peak) or not np.isfinite(record.peak).any():
        return
    by_node = np.where(np.isfinite(record.peak), record.peak, -1).max(axis=0)
    largest = by_node.max(1)
    figure = float(largest.max())
    severity, threshold = level(figure, HEADROOM_WARN, HEADROOM_FAIL)
    if severity:
        # the first module over the threshold is where it starts; those after it inherit
        index = next(i for i in record.order if largest[i] > threshold)
        node = record.nodes[index]
        bins = tuple(int(b) for b in np.flatnonzero(by_node[index] > threshold))
        text = (
            f"activations reach {figure:.3g}, first over {threshold:.3g} at {node.module}; fp16 ends at 65504"
        )
        why = "in fp16 this overflows, in bf16 it loses precision"
        yield Finding("E11", severity, figure, threshold, text, why, "12.1", node.node, node.module, bins)


def not_judged(records: Sequence[SeedRecord]) -> Iterator[str]:
    """Yield a sentence for each check that this run was too short for."""
    done = max((record.steps_done for record in records), default=0)
    if done < NOT_LEARNING_STEPS:
        yield f"E4 (learns at all) needs {NOT_LEARNING_STEPS} steps; the run had {done}"
    if done < DEAD_STEPS:
        yield f"E5 (dead weights) and E7 (noise levels) need {DEAD_STEPS} steps; the run had {done}"
    if done <= STARVED_FROM:
        yield f"E3 (starved blocks) needs more than {STARVED_FROM} steps; the run had {done}"


def _largest(
    series: Sequence[Series], code: str, warn: float, fail: float, text: str, why: str, section: str
) -> Iterator[Finding]:
    """Yield a finding for the place with the largest figure, if it is over a threshold."""
    worst, figure = None, warn
    for one in series:
        values = one.array()
        if values.size and np.isfinite(values).any() and float(np.nanmax(values)) > figure:
            worst, figure = one, float(np.nanmax(values))
    if worst is not None:
        severity, threshold = level(figure, warn, fail)
        with np.errstate(all="ignore"):
            bins = tuple(int(b) for b in np.flatnonzero((worst.array() > threshold).any(0)))
        module = worst.place.partition("#")[0]
        message = f"{module or 'the model'}: {text.format(figure)}"
        yield Finding(code, severity, figure, threshold, message, why, section, worst.node, module, bins)


def _over_bins(values: "np.ndarray[tuple[int, ...], np.dtype[np.float32]]") -> list[float]:
    """Return the root mean square over noise bins of each node, NaN where never measured."""
    with np.errstate(all="ignore"):
        seen = np.isfinite(values)
        mean = np.where(seen, values, 0).astype(np.float64) ** 2
        return [float(v) for v in np.sqrt(mean.sum(1) / seen.sum(1))]


def _transformer_stacks(record: SeedRecord) -> list[list[int]]:
    """Return the stacks of repeated blocks that work on tokens B N D."""
    return [stack for stack in record.stacks if all(record.nodes[i].rank == 3 for i in stack)]


def _feature_maps(record: SeedRecord) -> list[int]:
    """Return the nodes whose outputs are feature maps, in order, without the last (the prediction)."""
    return [i for i in record.order if record.nodes[i].rank >= 4 and np.isfinite(record.rms[0, i]).any()][:-1]
