"""One question to a child process: rendered and foreign code runs there, bounded in time and memory."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from designer.errors import UserError
from designer.export.child import child_environment, end_with_parent
from designer.train.limits import bound_memory

TIME_LIMIT_S = 1800.0


def ask(module: str, question: Mapping[str, Any], what: str, time_limit_s: float = TIME_LIMIT_S) -> Any:
    """Run `python -m module` with a question and return its answer, both plain JSON values.

    `what` names the work in messages. Raises UserError when the child fails or runs out of time.
    """
    with tempfile.TemporaryDirectory(prefix="designer-") as name:
        spec, result = Path(name, "question.json"), Path(name, "answer.json")
        spec.write_text(json.dumps(question), encoding="utf-8")
        status, said = _run([sys.executable, "-P", "-m", module, str(spec), str(result)], what, time_limit_s)
        if not result.exists():
            raise UserError(f"{what} failed: {said or f'its process ended with status {status}'}")
        answer = json.loads(result.read_text(encoding="utf-8"))
    if "error" in answer:
        raise UserError(f"{what} failed: {answer['error']}")
    return answer["value"]


def _run(command: list[str], what: str, time_limit_s: float) -> tuple[int, str]:
    """Run the command to its end; return its status and the last line that it said."""
    ours, theirs = os.pipe()[::-1]  # our end stays open as long as we live: the child ends with us
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, stdin=theirs, stdout=log, stderr=log, env=child_environment())
        os.close(theirs)
        try:
            status = process.wait(time_limit_s)
        except subprocess.TimeoutExpired:
            raise UserError(f"{what} took longer than {time_limit_s:g} s") from None
        finally:
            process.kill()
            process.wait()
            os.close(ours)
        log.seek(0)
        lines = [line for line in log.read().decode("utf-8", "replace").splitlines() if line.strip()]
    return status, lines[-1] if lines else ""


def answer(run: Callable[[dict[str, Any]], Any]) -> int:
    """Answer, as the child, the question that the command line names. An error becomes its text."""
    end_with_parent()
    bound_memory(None, "cpu")
    try:
        value: dict[str, Any] = {"value": run(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))}
    except Exception as error:  # the reason travels to the parent, which says it without a traceback
        kind = "" if isinstance(error, UserError) else f"{type(error).__name__}: "
        value = {"error": f"{kind}{' '.join(str(error).split())[:1200]}"}
    Path(sys.argv[2]).write_text(json.dumps(value), encoding="utf-8")
    return 0
