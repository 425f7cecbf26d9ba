"""What a report shows as plots: losses per noise level, gradients, growth over depth, skips against the trunk."""

from collections.abc import Iterator, Sequence

from designer.train.plots import CATEGORIES, LEVELS, Line, plot
from designer.train.report import Bins, NodeReport, PlaceReport, RunReport, SeedReport

_LEVEL = "noise level (0: least noise)"


def figures(report: RunReport) -> list[str]:
    """Return the plots of a run as SVG; those without data are left out."""
    seeds = [seed for seed in report.seeds if seed.steps_done]
    if not seeds:
        return []
    first = seeds[0]
    mismatch = [("amplitude: ρ_act = rms(skip) / rms(trunk)", first.skip_to_trunk, "ρ_act")]
    mismatch += [("use: ρ_contrib = ‖s⊙∇s‖ / ‖d⊙∇d‖", first.skip_contribution, "ρ_contrib")]
    found = [
        _losses(seeds),
        _gradients(seeds),
        plot(
            f"Residual growth over depth, seed {first.seed}",
            list(_growth(first.nodes)),
            "repeated block",
            "rms / rms of the first block",
            log=True,
        ),
        _depth(f"Branch against trunk, seed {first.seed}", first.branch_to_trunk),
        *(_skips(f"Skips, {title}, seed {first.seed}", places, name) for title, places, name in mismatch),
        _skips(f"Largest attention logit, seed {first.seed}", first.attention_logits, "logit"),
    ]
    return [svg for svg in found if svg]


def _losses(seeds: Sequence[SeedReport]) -> str:
    """Return the losses of the noise levels, the mean over seeds, over a window that smooths a little."""
    steps = max(seed.steps_done for seed in seeds)
    window = max(1, steps // 20)
    lines = []
    for level, colour in enumerate(LEVELS):
        curves = [
            smooth([step[level] if level < len(step) else None for step in seed.nloss_per_bin], window)
            for seed in seeds
        ]
        mean = [_mean([curve[i] for curve in curves if i < len(curve)]) for i in range(steps)]
        lines.append(Line(f"noise level {level}", range(1, steps + 1), mean, colour))
    label = "MSE / mean square of the target"
    return plot("Loss per noise level (1: predicting zero)", lines, "step", label, log=True)


def _gradients(seeds: Sequence[SeedReport]) -> str:
    lines = [
        Line(f"seed {seed.seed}", range(1, len(seed.grad_norm) + 1), seed.grad_norm, _colour(index))
        for index, seed in enumerate(seeds)
    ]
    return plot("Gradient norm", lines, "step", "‖∇‖", log=True)


def _growth(nodes: Sequence[NodeReport]) -> Iterator[Line]:
    """Yield, for each list of repeated blocks, its rms against that of its first block: start and end."""
    groups: dict[str, list[NodeReport]] = {}
    for node in nodes:
        parent, _, last = node.module.rpartition(".")
        if last.isdigit():
            groups.setdefault(parent, []).append(node)
    for index, (name, blocks) in enumerate(item for item in groups.items() if len(item[1]) > 1):
        for when in ("start", "end"):
            values = [_mean(getattr(block, f"activation_rms_{when}")) for block in blocks]
            if values[0]:
                relative = [None if value is None else value / values[0] for value in values]
                yield Line(f"{name} {when}", range(len(blocks)), relative, _colour(index), when == "start")


def _depth(title: str, places: Sequence[PlaceReport]) -> str:
    lines = [
        Line("start", range(len(places)), [_mean(place.start) for place in places], CATEGORIES[0], True),
        Line("end", range(len(places)), [_mean(place.end) for place in places], CATEGORIES[0]),
    ]
    return plot(title, lines, "residual addition, in order", "rms(branch) / rms(trunk)", log=True)


def _skips(title: str, places: Sequence[PlaceReport], name: str) -> str:
    lines = []
    for index, place in enumerate(places):
        for when, values in (("start", place.start), ("end", place.end)):
            text = f"{place.place} {when}"
            lines.append(Line(text, range(len(values)), values, _colour(index), when == "start"))
    return plot(title, lines, _LEVEL, name, log=True)


def smooth(values: Sequence[float | None], window: int) -> Bins:
    """Return the mean over the last `window` values at each place, None where there is none."""
    return [_mean(values[max(0, i + 1 - window) : i + 1]) for i in range(len(values))]


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _colour(index: int) -> str:
    return CATEGORIES[index % len(CATEGORIES)]
