"""From the seconds of every round to medians, speedups and a verdict."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from designer.bench.report import TITLES, BenchReport, Contender
from designer.export.report import ExportReport

LIMITS = {"fp32": 1e-4, "fp16": 2e-2}  # relative L2 within which outputs count as the same


def judged(
    exported: ExportReport,
    at: Mapping[str, int],
    names: Sequence[str],
    single: Mapping[str, Mapping[str, Any]],
    together: Mapping[str, Any],
    facts: Mapping[str, Any],
) -> BenchReport:
    """Return the report: `single` holds what each contender did alone, `together` the rounds of those that ran."""
    limit, seconds = LIMITS[exported.precision], together["seconds"]
    baseline = next(name for name in names if name in seconds)
    contenders = []
    for name in names:
        if name not in seconds:
            contenders.append(Contender(name, TITLES[name], unavailable=single[name]["error"]))
            continue
        own, ratios = seconds[name], [a / b for a, b in zip(seconds[baseline], seconds[name], strict=True)]
        contenders.append(
            Contender(
                name,
                TITLES[name],
                median_ms=1e3 * statistics.median(own),
                quartiles_ms=_quartiles([1e3 * one for one in own]),
                speedup=statistics.median(ratios),
                speedup_quartiles=_quartiles(ratios),
                first_call_s=single[name]["first_call_s"],
                peak_bytes=single[name]["peak_bytes"],
                relative_l2=together["relative_l2"][name],
            )
        )
    return BenchReport(
        ok=all(distance <= limit for distance in together["relative_l2"].values()),
        design=exported.design,
        weights=exported.weights,
        precision=exported.precision,
        at=dict(at),
        baseline=TITLES[baseline],
        limit=limit,
        contenders=contenders,
        device_name=together["device_name"],
        versions={name: exported.versions[name] for name in ("torch", "onnxruntime")},
        **facts,
    )


def _quartiles(values: Sequence[float]) -> tuple[float, float]:
    first, _, third = statistics.quantiles(values, n=4, method="inclusive")
    return first, third
