"""Rendered files beside the public files that they stand for: `python -m benchmarks style [--measure FOLDER]`.

Prints the table and writes docs/style.md. Figures of other people's files are recorded in original_sources.json,
figures only; --measure counts them anew from git repositories at FOLDER/owner/name, and those of the installed
diffusers.
"""

import argparse
import importlib.metadata
import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from benchmarks._reading import Figures, Reader  # noqa: E402
from designer.files import write_atomic  # noqa: E402
from designer.presets import build  # noqa: E402
from designer.render import render  # noqa: E402

RECORD = Path(__file__).with_name("original_sources.json")
PAGE = ROOT / "docs/style.md"


@dataclass(frozen=True)
class Network:
    """One network: our preset, the authors' files and definition, and diffusers' classes, those that run."""

    title: str
    preset: str
    repository: str
    files: tuple[str, ...]
    name: str
    classes: str = ""


SD = "UNet2DConditionModel Timesteps TimestepEmbedding DownBlock2D CrossAttnDownBlock2D UNetMidBlock2DCrossAttn " \
     "CrossAttnUpBlock2D UpBlock2D ResnetBlock2D Downsample2D Upsample2D Transformer2DModel BasicTransformerBlock " \
     "Attention AttnProcessor2_0 FeedForward GEGLU"  # fmt: skip
UNET = "UNet2DModel Timesteps TimestepEmbedding {0}DownBlock2D AttnDownBlock2D UNetMidBlock2D AttnUpBlock2D " \
       "{0}UpBlock2D ResnetBlock2D Downsample2D Upsample2D Attention AttnProcessor2_0"  # fmt: skip
NETWORKS = (
    Network("DDPM, CIFAR-10", "ddpm-cifar10", "hojonathanho/diffusion",
            ("diffusion_tf/models/unet.py", "diffusion_tf/nn.py"), "model", UNET.format("")),
    Network("ADM, ImageNet 256", "adm-imagenet256", "openai/guided-diffusion",
            ("guided_diffusion/unet.py", "guided_diffusion/nn.py"), "UNetModel", UNET.format("Resnet").replace(
                "ResnetDownBlock2D", "ResnetDownsampleBlock2D").replace("ResnetUpBlock2D", "ResnetUpsampleBlock2D")),
    Network("Stable Diffusion 1.5", "sd15", "CompVis/stable-diffusion",
            ("ldm/modules/diffusionmodules/openaimodel.py", "ldm/modules/diffusionmodules/util.py",
             "ldm/modules/attention.py"), "UNetModel", SD),
    Network("SDXL", "sdxl-base", "Stability-AI/generative-models",
            ("sgm/modules/diffusionmodules/openaimodel.py", "sgm/modules/diffusionmodules/util.py",
             "sgm/modules/attention.py"), "UNetModel", SD),
    Network("DiT-XL/2", "dit-xl-2", "facebookresearch/DiT", ("models.py",), "DiT",
            "DiTTransformer2DModel PatchEmbed BasicTransformerBlock AdaLayerNormZero CombinedTimestepLabelEmbeddings "
            "Timesteps TimestepEmbedding LabelEmbedding Attention AttnProcessor2_0 FeedForward GELU"),
    Network("PixArt-α, 1024", "pixart-alpha-1024-ms", "PixArt-alpha/PixArt-alpha",
            ("diffusion/model/nets/PixArtMS.py", "diffusion/model/nets/PixArt.py",
             "diffusion/model/nets/PixArt_blocks.py"), "PixArtMS",
            "PixArtTransformer2DModel PatchEmbed BasicTransformerBlock Attention AttnProcessor2_0 FeedForward GELU "
            "AdaLayerNormSingle PixArtAlphaCombinedTimestepSizeEmbeddings Timesteps TimestepEmbedding "
            "PixArtAlphaTextProjection"),
    Network("Stable Diffusion 3", "sd3-medium", "Stability-AI/sd3-ref", ("mmdit.py", "other_impls.py"), "MMDiT",
            "SD3Transformer2DModel PatchEmbed CombinedTimestepTextProjEmbeddings Timesteps TimestepEmbedding "
            "PixArtAlphaTextProjection JointTransformerBlock AdaLayerNormZero Attention JointAttnProcessor2_0 "
            "FeedForward GELU AdaLayerNormContinuous"),
    Network("FLUX.1 dev", "flux-dev", "black-forest-labs/flux",
            ("src/flux/model.py", "src/flux/modules/layers.py", "src/flux/math.py"), "Flux",
            "FluxTransformer2DModel FluxPosEmbed CombinedTimestepGuidanceTextProjEmbeddings Timesteps "
            "TimestepEmbedding PixArtAlphaTextProjection FluxTransformerBlock AdaLayerNormZero FluxAttention "
            "FluxAttnProcessor FeedForward GELU FluxSingleTransformerBlock AdaLayerNormZeroSingle "
            "AdaLayerNormContinuous"),
    Network("U-ViT-L, ImageNet 256", "uvit-imagenet256-l", "baofff/U-ViT", ("libs/uvit.py", "libs/timm.py"), "UViT"),
    Network("EDM2-S, ImageNet 512", "edm2-img512-s", "NVlabs/edm2", ("training/networks_edm2.py",), "Precond"),
)  # fmt: skip

LONGER = {
    "ddpm-cifar10": "The original is written in TensorFlow 1, where a layer is made where it is called: its residual "
    "block is a function, with neither a constructor nor the sizes of its input, and its U-Net one function with two "
    "loops. PyTorch asks for a constructor and a forward of each part. diffusers' classes for the same network are "
    "the fairer comparison.",
    "edm2-img512-s": "The original has one block for encoder and decoder, with and without resampling, attention and "
    "skip, whose forward branches on its options, and one layer for linear maps and convolutions. Ours has a class "
    "for each of these, whose forward has no branch, and a class for each level: more lines, and shorter functions.",
}  # preset → why ours has more lines


def ours(network: Network) -> Figures:
    """Count the rendered file of the preset."""
    rendering = render(build(network.preset))
    return Reader(rendering.files).figures("model", rendering.class_name)


def measure(folder: Path) -> dict[str, Any]:
    """Count the authors' files in repositories below `folder`, and diffusers as it is installed."""
    package = Path(str(importlib.util.find_spec("diffusers").submodule_search_locations[0])) / "models"  # type: ignore[union-attr, index]
    library = {path.stem: path.read_text(encoding="utf-8") for path in sorted(package.rglob("*.py"))}
    found: dict[str, Any] = {"diffusers": importlib.metadata.version("diffusers"), "networks": {}}
    for network in NETWORKS:
        repository = folder / network.repository
        texts = {path: _git(repository, "show", f"HEAD:{path}") for path in network.files}
        entry: dict[str, Any] = {
            "repository": network.repository,
            "commit": _git(repository, "rev-parse", "HEAD").strip(),
            "files": list(network.files),
            "figures": asdict(Reader(texts).figures(Path(network.files[0]).stem, network.name)),
        }
        if network.classes:
            classes = network.classes.split()
            reader = Reader(library, frozenset(classes))
            entry["diffusers"] = asdict(reader.figures(reader.module_of(classes[0]), *classes))
        found["networks"][network.preset] = entry
    return found


def _git(repository: Path, *arguments: str) -> str:
    command = ["git", "-C", str(repository), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def page(record: dict[str, Any]) -> str:
    """Return docs/style.md."""
    lines = [
        "# Rendered code beside the original",
        "",
        "Generated by `python -m benchmarks style`. For each network: the rendered file, the authors' own files, and",
        f"diffusers {record['diffusers']}. Figures only; nobody's text is kept here.",
        "",
        "**How it is counted.** From the network's main class, definitions are followed by name through the given",
        "files, base classes and imports between them included; methods count when something counted mentions them.",
        "So sampling helpers, size tables, other heads and unused functions of a file do not count, on either side.",
        "*Lines* are lines of code: neither blank, nor only a comment, nor docstring; imports and file headers are left",
        "out. Code of other packages is not counted: originals import attention, feed-forward and patch embedding from",
        "timm (DiT, PixArt-α) or rearrangements from einops, ours holds all of it but torch. Of diffusers only the",
        "classes that this network runs are counted. *Comments* is the share of comment and docstring lines.",
        "",
        "| network | source | lines | classes | functions | median lines | 90th percentile | comments |",
        "|---|---|---:|---:|---:|---:|---:|---:|",
        *_rows(record),
        "",
        "## Where ours is longer",
        "",
    ]
    for network in NETWORKS:
        mine, theirs = ours(network).lines, record["networks"][network.preset]["figures"]["lines"]
        if mine > theirs:
            lines += [f"- **{network.title}** ({mine} lines, original {theirs}): {LONGER[network.preset]}"]
    lines += ["", "## Originals", "", "| network | repository | commit | files |", "|---|---|---|---|"]
    for network in NETWORKS:
        one = record["networks"][network.preset]
        files = ", ".join(f"`{path}`" for path in one["files"])
        lines.append(f"| {network.title} | {one['repository']} | `{one['commit'][:12]}` | {files} |")
    return "\n".join([*lines, ""])


def _rows(record: dict[str, Any]) -> Iterator[str]:
    for network in NETWORKS:
        entry = record["networks"][network.preset]
        yield _row(network.title, f"rendered `{network.preset}`", ours(network))
        yield _row("", "original", Figures(**entry["figures"]))
        if "diffusers" in entry:
            yield _row("", "diffusers", Figures(**entry["diffusers"]))


def _row(title: str, source: str, one: Figures) -> str:
    return (
        f"| {title} | {source} | {one.lines} | {one.classes} | {one.functions} | {one.median:g} | {one.p90:g} "
        f"| {one.comments:.0%} |"
    )


def main() -> int:
    """Print the table and write the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--measure", type=Path, metavar="FOLDER", help="count the originals anew")
    options = parser.parse_args()
    if options.measure:
        write_atomic(RECORD, json.dumps(measure(options.measure), indent=1) + "\n")
    record = json.loads(RECORD.read_text(encoding="utf-8"))
    print("\n".join(_rows(record)))
    write_atomic(PAGE, page(record))
    return 0


if __name__ == "__main__":
    sys.exit(main())
