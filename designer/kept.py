"""Answers kept on the object that they are about: computed once, gone with it."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

Owner = TypeVar("Owner")
Answer = TypeVar("Answer")


def kept(question: Callable[[Owner], Answer]) -> Callable[[Owner], Answer]:
    """Let a function of one object, which never changes, compute its answer once: `cached_property` from outside."""
    name = f"{question.__module__}.{question.__qualname__}"

    @wraps(question)
    def ask(owner: Owner) -> Answer:
        answers: dict[str, Any] = owner.__dict__
        if name not in answers:
            answers[name] = question(owner)
        answer: Answer = answers[name]
        return answer

    return ask
