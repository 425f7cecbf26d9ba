"""From one seed's record to its reasons, from the seeds' reasons to a verdict.

Thresholds are those with which the known-good configurations passed and the known-bad ones failed at this
scale (at most 0.6 M parameters, 16×16 images, 200 steps); they say nothing of slow divergence.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from designer.train import checks
from designer.train.checks import Finding
from designer.train.record import SeedRecord, rounded

CANNOT_SHOW = (
    "A smoke-train of this length cannot show slow divergence (10,000 steps), the quality of samples, or "
    "what happens at another size, precision or learning rate."
)
CHECKS: tuple[Callable[[SeedRecord], Iterator[Finding]], ...] = (
    checks.nonfinite,
    checks.growth,
    checks.starved_blocks,
    checks.not_learning,
    checks.dead_weights,
    checks.spikes,
    checks.noise_bins,
    checks.attention_logits,
    checks.skip_ratio,
    checks.branch_ratio,
    checks.headroom,
)


@dataclass(frozen=True)
class Reason:
    """A finding with the seeds that showed it, out of `of`."""

    finding: Finding
    seeds: tuple[int, ...]
    of: int

    def to_json(self) -> dict[str, Any]:
        """Return the reason as JSON values."""
        return {**rounded(asdict(self.finding)), "seeds": list(self.seeds), "of": self.of}


@dataclass(frozen=True)
class Judgement:
    """The verdict ("ok", "warn", "fail"), the reasons that decided it, those of a minority, and what was
    not judged.
    """

    verdict: str
    reasons: tuple[Reason, ...]
    minority: tuple[Reason, ...] = ()
    not_judged: tuple[str, ...] = ()
    seeds: dict[int, str] = field(default_factory=dict)


def judge_seed(record: SeedRecord) -> list[Finding]:
    """Return every finding of one seed, the most severe and then the earliest check first."""
    found = [finding for check in CHECKS for finding in check(record)]
    if record.nonfinite is not None:
        # after a NaN the curves end early and the peaks are infinite: they say nothing more
        found = [finding for finding in found if finding.code not in ("E4", "E7", "E11")]
    return sorted(found, key=lambda finding: finding.severity != "FAIL")


def judge(records: Sequence[SeedRecord]) -> Judgement:
    """Return the verdict of a run: what at least half of the seeds say.

    FAIL if at least half of the seeds have a failing reason, else WARN if at least half have any, else OK.
    """
    found = {record.seed: judge_seed(record) for record in records}
    own = {seed: _worst(findings) for seed, findings in found.items()}
    failing = sum(level == "fail" for level in own.values())
    wary = sum(level != "ok" for level in own.values())
    count = len(records)
    verdict = "fail" if failing and 2 * failing >= count else "warn" if wary and 2 * wary >= count else "ok"
    reasons = _merge(found)
    decisive = tuple(
        r
        for r in reasons
        if 2 * len(r.seeds) >= count or (verdict == "fail" and r.finding.severity == "FAIL")
    )
    minority = tuple(r for r in reasons if r not in decisive)
    return Judgement(verdict, decisive, minority, tuple(checks.not_judged(records)), own)


def _worst(findings: Sequence[Finding]) -> str:
    if any(finding.severity == "FAIL" for finding in findings):
        return "fail"
    return "warn" if findings else "ok"


def _merge(found: dict[int, list[Finding]]) -> list[Reason]:
    """Join the seeds' findings of one code and severity; the worst figure speaks for all."""
    groups: dict[tuple[str, str], dict[int, Finding]] = {}
    for seed, findings in found.items():
        for finding in findings:
            groups.setdefault((finding.code, finding.severity), {})[seed] = finding
    reasons = []
    for by_seed in groups.values():
        # a seed that fails a check would also have passed its warning level
        worst = max(by_seed.values(), key=lambda finding: finding.excess())
        bins = tuple(sorted({b for finding in by_seed.values() for b in finding.noise_bins}))
        reasons.append(Reason(replace(worst, noise_bins=bins), tuple(by_seed), len(found)))
    return sorted(reasons, key=lambda reason: reason.finding.severity != "FAIL")
