"""From the seeds' records to the parts of the report."""

import numpy as np

from designer.train.record import Array, SeedRecord, Series
from designer.train.report import Bins, NodeReport, PlaceReport, ReasonReport, SeedReport
from designer.train.verdict import Reason

_MOST_POINTS = 2000


def reason_report(reason: Reason) -> ReasonReport:
    """Return a reason in its report form."""
    finding = reason.finding
    return ReasonReport(
        finding.code, "FAIL" if finding.severity == "FAIL" else "WARN", _number(finding.figure),
        _number(finding.threshold), finding.message, finding.mechanism, finding.article_section, finding.node,
        finding.module, list(finding.noise_bins), finding.step, list(reason.seeds), reason.of,
    )  # fmt: skip


def seed_report(record: SeedRecord, verdict: str) -> SeedReport:
    """Return one seed's report; runs of over 2000 steps keep every k-th point of their curves."""
    stride = -(-len(record.loss) // _MOST_POINTS) or 1
    return SeedReport(
        seed=record.seed,
        verdict=verdict,
        steps_done=record.steps_done,
        final_nloss=_number(record.final_nloss()),
        final_nloss_per_bin=_bins(record.final_nloss_bins()),
        loss=_bins(record.loss[::stride]),
        nloss=_bins(record.nloss[::stride]),
        nloss_per_bin=[_bins(row) for row in record.nloss_bins[::stride]],
        grad_norm=_bins(record.grad_norm[::stride]),
        probe_steps=record.probe_steps,
        nodes=_nodes(record),
        branch_to_trunk=_places(record.residuals),
        skip_to_trunk=_places(record.fusions),
        skip_contribution=_places(record.contributions),
        attention_logits=_places(record.logits),
        skip_frequency_gap=_places(record.frequency_gaps),
        skip_timestep_shift=_places(record.timestep_shifts),
        skip_condition_spread=_places(record.condition_spreads),
    )


def _nodes(record: SeedRecord) -> list[NodeReport]:
    if not len(record.rms):
        return []
    with np.errstate(all="ignore"):
        updates = dict(
            zip((n.module for n in record.weighted), np.median(record.update_ratio, axis=0), strict=True)
        )
    reports = []
    for index in record.order:
        info = record.nodes[index]
        rms, peak, gradient = record.rms[:, index], record.peak[:, index], record.gradient[:, index]
        largest = np.where(np.isfinite(peak), peak, -1).max(0)
        reports.append(
            NodeReport(
                info.module,
                info.node,
                info.kind,
                _bins(rms[0]),
                _end(rms),
                _bins(np.where(largest < 0, np.nan, largest)),
                _bins(gradient[0]),
                _end(gradient),
                _number(float(updates.get(info.module, np.nan))),
            )
        )
    return reports


def _places(series: list[Series]) -> list[PlaceReport]:
    return [PlaceReport(s.place, s.node, _bins(s.array()[0]), _end(s.array())) for s in series if s.values]


def _end(values: Array) -> Bins:
    """Return the median over the last third of the probes, [8]; None where one is not finite."""
    last = values[-max(1, len(values) // 3) :]
    return _bins(np.median(last, axis=0))


def _bins(values: object) -> Bins:
    return [_number(float(value)) for value in np.asarray(values, dtype=np.float64).ravel()]


def _number(value: float) -> float | None:
    return value if np.isfinite(value) else None
