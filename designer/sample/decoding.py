"""Pictures of latents, by the decoder of an autoencoder in a child process bounded in time and memory."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from designer.autoencoder import Found, find_autoencoder, load_autoencoder
from designer.child import answer, ask
from designer.sample.samplers import Images


def decode_in_child(autoencoder: Found, latents: Images, time_limit_s: float) -> Images:
    """Return the images [n, c, H, W] of latents [n, C, h, w] as a denoiser draws them.

    Raises UserError when the weights do not fit, or the child fails or runs out of time.
    """
    with tempfile.TemporaryDirectory(prefix="designer-decode-") as name:
        drawn, images = Path(name, "latents.npy"), Path(name, "images.npy")
        np.save(drawn, latents)
        question = {"autoencoder": str(autoencoder.path), "latents": str(drawn), "images": str(images)}
        ask("designer.sample.decoding", question, "decoding the latents", time_limit_s)
        found: Images = np.load(images)
        return found


def _decode(question: dict[str, Any]) -> None:
    import torch

    found = find_autoencoder(question["autoencoder"])
    device = "cuda" if torch.cuda.is_available() else "cpu"
    autoencoder = load_autoencoder(found, device)
    latents = autoencoder.batches(torch.from_numpy(np.load(question["latents"])), found.factor)
    with torch.inference_mode():
        images = [autoencoder.decode(some).cpu() for some in latents]
    np.save(question["images"], torch.cat(images).numpy())


if __name__ == "__main__":
    raise SystemExit(answer(_decode))
