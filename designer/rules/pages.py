"""The documentation of a rule as Markdown: for the reference pages and `designer rules CODE`."""

from designer.rules import Rule


def page(rule: Rule) -> str:
    """Return the page of a rule, under a heading of the second level."""
    parts = {
        "What it does": rule.what,
        "Why is this bad": rule.why,
        "Example": rule.example,
        "Use instead": rule.instead,
        "Expected effect": effect_of(rule),
        "Article": f"section {rule.article}" if rule.article else "",
        "Paper": rule.reference,
    }
    lines = [f"## {rule.code} {rule.title} ({rule.severity})", ""]
    for heading, text in parts.items():
        lines += [f"**{heading}.** {text[:1].upper()}{text[1:].rstrip('.')}.", ""] if text else []
    return "\n".join(lines)


def effect_of(rule: Rule) -> str:
    """Say what ignoring the rule is expected to cost."""
    if rule.family in ("structure", "gating", "export"):
        return (
            "the design cannot be used" if rule.severity == "error" else "none on what the network computes"
        )
    if rule.effect >= 1:
        return "the network does not train (measured)"
    if rule.effect > 0.01:
        return f"{rule.effect:g} of normalised loss (measured)"
    if rule.effect == 0.01:
        return "on quality, by algebra or literature; not measured here"
    if rule.effect > 0:
        return "on amplitudes, headroom or cost; the loss was equal where it was measured"
    return "none was measured: a note, said by `designer check --all`"
