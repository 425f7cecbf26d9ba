"""The map of the article: for each of its sections, the blocks and rules that carry it, from their own annotations."""

from designer.catalogue import catalogue
from designer.rules import rules

SECTIONS = {
    "1.1": "Gradient flow, conditioning and stability",
    "1.2": "Capacity and robustness",
    "1.3": "Coupling of architecture and noise schedule",
    "2.1": "U-Net foundations",
    "2.1.1": "Encoder",
    "2.1.2": "Bottleneck",
    "2.1.3": "Decoder",
    "2.1.4": "Timestep embedding and conditioning",
    "2.2": "ADM",
    "2.2.2": "Self-attention at several resolutions",
    "2.2.3": "Adaptive group normalisation",
    "2.2.4": "BigGAN residual blocks",
    "2.2.5": "Rescaled residual connections",
    "2.3": "Latent U-Nets",
    "2.3.1": "Compressed latent space",
    "2.3.2": "Parts of the latent U-Net",
    "2.3.3": "SDXL",
    "2.4": "Transformers",
    "2.4.2": "Parts of diffusion transformers",
    "2.4.3": "Hybrids",
    "2.5": "Video and 3D",
    "2.5.1": "Video U-Nets",
    "2.5.2": "3D representations",
    "4": "What goes wrong with naive skips",
    "5.1": "Weights and gates: one view",
    "5.2": "From control signals to weights",
    "5.3": "Granularity",
    "6": "Transforms",
    "7": "Fusion operators",
    "8": "Condition-aware routing",
    "9": "Other designs of U-Nets",
    "10.1": "Why residual amplitude is regulated",
    "10.2": "Deterministic residual scaling",
    "10.3": "Identity-preserving initialisation",
    "10.4": "Learned gates",
    "11": "Modulation systems",
    "11.1": "AdaLN",
    "11.2": "AdaLN-Zero",
    "11.3": "Placement of norms",
    "11.4": "RMS norms",
    "12.1": "Attention: saturation and explosion of logits",
    "12.2": "Feed-forward networks",
    "12.3": "Operator and residual together",
    "13": "Conditional routing",
    "IV": "Conclusion",
}


def article_map() -> str:
    """Return the page, in Markdown."""
    lines = [
        "# The article, section by section",
        "",
        "Generated from the annotations of blocks and rules by `make regen`.",
    ]
    for section, title in SECTIONS.items():
        blocks = [spec.name for spec in catalogue().values() if _names(spec.article, section)]
        codes = [f"{rule.code} {rule.title}" for rule in rules() if _names(rule.article, section)]
        if blocks or codes:
            lines += ["", f"## {section} {title}", ""]
            lines += (
                [f"- Blocks: {', '.join(_linked('blocks', name) for name in sorted(blocks))}"]
                if blocks
                else []
            )
            lines += [f"- Rules: {', '.join(codes)}"] if codes else []
    return "\n".join([*lines, ""])


def _names(text: str, section: str) -> bool:
    return section in _parts(text)


def _parts(text: str) -> set[str]:
    """The sections of an annotation such as "2.1.4, 13.2"; one that has no entry counts for the one above it."""
    found = {part.strip().removeprefix("Part ") for part in text.split(",")}
    return {part if part in SECTIONS else part.rpartition(".")[0] for part in found}


def _linked(page: str, name: str) -> str:
    return f"[{name}]({page}.md#{name.lower()})"
