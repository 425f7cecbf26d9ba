"""ONNX Runtime sessions: the provider that was asked for, and no warning noise."""

from pathlib import Path
from typing import Any

from designer.errors import UserError

QUIET = 3  # errors only


def open_session(path: str | Path, device: str = "auto", threads: int = 0) -> Any:
    """Return a session on CUDA where there is one, else on the CPU; `device` "cuda" or "cpu" insists.

    Raises UserError when the file cannot be loaded or the device is not there (ONNX Runtime itself would fall
    back to the CPU silently).
    """
    import onnxruntime as ort

    ort.set_default_logger_severity(QUIET)
    cuda = "CUDAExecutionProvider" in ort.get_available_providers() and has_cuda()
    if device == "cuda" and not cuda:
        raise UserError("no CUDA device is available to ONNX Runtime; use device cpu")
    wanted = ["CUDAExecutionProvider"] if cuda and device != "cpu" else []
    options = ort.SessionOptions()
    options.log_severity_level = QUIET
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = ort.InferenceSession(str(path), options, providers=[*wanted, "CPUExecutionProvider"])
    except Exception as error:
        raise UserError(f"{path}: ONNX Runtime cannot load it: {str(error)[:300]}") from None
    if device == "cuda" and session.get_providers()[0] != wanted[0]:
        raise UserError(
            "ONNX Runtime fell back to the CPU; check that its CUDA and cuDNN libraries are installed"
        )
    return session


def has_cuda() -> bool:
    """Whether this machine has an NVIDIA driver with a device."""
    return any(Path(f"/dev/nvidia{index}").exists() for index in range(16)) or Path("/dev/dxg").exists()
