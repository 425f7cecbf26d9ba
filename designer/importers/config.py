"""The arguments of a source class, each read or refused by name: none is ever ignored."""

import difflib
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from designer.errors import UserError

MAX_LAYERS, MAX_NUMBER = 4096, 2**20
_KINDS: Mapping[type, str] = {
    bool: "true or false", int: "an integer", float: "a number", str: "a string", list: "a list",
    dict: "an object", type(None): "null",
}  # fmt: skip


class Config:
    """The arguments that a configuration gives to the constructor of its class.

    Keys that start with an underscore (class name, version) describe the file and are no arguments.
    """

    def __init__(self, source: str, arguments: Mapping[str, Any]) -> None:
        self.source = source
        self._given = {name: value for name, value in arguments.items() if not name.startswith("_")}
        self._taken: set[str] = set()

    def take(
        self,
        name: str,
        default: Any,
        choices: Sequence[Any] | None = None,
        kind: type | tuple[type, ...] | None = None,
        minimum: float | None = None,
    ) -> Any:
        """Return the argument `name`, or `default` where it is not given; lists and tuples return as lists.

        Its kind is that of the default (any kind, if the default is None) unless `kind` names one or several;
        `type(None)` among them allows null. Raises UserError for another kind, a value outside `choices`, or
        a number (also in a list) below `minimum`.
        """
        self._taken.add(name)
        value = _plain(self._given.get(name, default))
        if name not in self._given:
            return value
        kinds = _expected(default, kind)
        if value is None and kinds == (bool,):
            return False  # null is falsy, as in the source
        if kinds and not any(_is(value, one) for one in kinds):
            self._reject(name, value, " or ".join(_KINDS[one] for one in kinds))
        if choices is not None and value not in [_plain(choice) for choice in choices]:
            self._reject(name, value, f"one of {', '.join(map(repr, choices))}")
        numbers = [one for one in _flat(value) if isinstance(one, (int, float)) and not isinstance(one, bool)]
        if minimum is not None and any(number < minimum for number in numbers):
            self._reject(name, value, f"at least {minimum}")
        largest = MAX_LAYERS if "layers" in name else MAX_NUMBER
        if any(number > largest for number in numbers):
            self._reject(name, value, f"at most {largest}")
        return value

    def refuse(self, name: str, default: Any, why: str) -> None:
        """Refuse any value of the argument `name` but `default`, saying why."""
        self._taken.add(name)
        value = _plain(self._given.get(name, default))
        if value != _plain(default):
            self.fail(name, value, f"{why}; only {default!r} is supported")

    def fail(self, name: str, value: Any, why: str) -> NoReturn:
        """Raise the UserError that refuses the value of an argument."""
        raise UserError(f"{self.source}: the argument {name!r} is {value!r}: {why}")

    def _reject(self, name: str, value: Any, expected: str) -> None:
        self.fail(name, value, f"expected {expected}")

    def finish(self) -> None:
        """Raise UserError for the first argument that nobody took."""
        for name in self._given:
            if name not in self._taken:
                near = difflib.get_close_matches(name, self._taken, 1)
                hint = f"; did you mean {near[0]!r}?" if near else ""
                self.fail(name, self._given[name], f"the class has no such argument{hint}")


def _expected(default: Any, kind: type | tuple[type, ...] | None) -> tuple[type, ...]:
    if kind is not None:
        return kind if isinstance(kind, tuple) else (kind,)
    if default is None:
        return ()
    return (list,) if isinstance(default, (list, tuple)) else (type(default),)


def _is(value: Any, kind: type) -> bool:
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, (int, float) if kind is float else kind)


def _plain(value: Any) -> Any:
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def _flat(value: Any) -> list[Any]:
    return [leaf for item in value for leaf in _flat(item)] if isinstance(value, list) else [value]
