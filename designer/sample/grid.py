"""Images side by side in one PNG."""

from pathlib import Path

import numpy as np

from designer.errors import UserError
from designer.sample.samplers import Images

_GAP = 1


def save_grid(images: Images, path: str | Path, columns: int | None = None, scale: int | None = None) -> None:
    """Save images [N, C, H, W] in [-1, 1] as a grid, each pixel a square of `scale` pixels.

    One channel is grey, three are colours; any other number (latents) shows each channel in grey, an image a
    row. `scale` defaults to what makes an image about 64 pixels high. Raises UserError when the file cannot
    be written.
    """
    from PIL import Image

    count, channels, height, width = images.shape
    if channels not in (1, 3):
        images, columns = images.reshape(count * channels, 1, height, width), channels
    columns = columns or int(np.ceil(np.sqrt(len(images))))
    rows = -(-len(images) // columns)
    scale = scale or max(1, 64 // height)
    values = np.nan_to_num(images, nan=-1.0, posinf=1.0, neginf=-1.0)
    pixels = np.round((np.clip(values, -1, 1) + 1) * 127.5).astype(np.uint8).transpose(0, 2, 3, 1)
    size = (rows * (height + _GAP) + _GAP, columns * (width + _GAP) + _GAP, pixels.shape[-1])
    sheet = np.full(size, 96, dtype=np.uint8)
    for index, image in enumerate(pixels):
        top, left = _GAP + index // columns * (height + _GAP), _GAP + index % columns * (width + _GAP)
        sheet[top : top + height, left : left + width] = image
    sheet = sheet.repeat(scale, 0).repeat(scale, 1)
    target = Path(path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(sheet.squeeze(-1) if sheet.shape[-1] == 1 else sheet).save(target, format="PNG")
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror or error}") from None
