"""How a bug is planted: attributes of the product replaced in this process, and put back.

Nothing on disk changes. A mutant is a function that says what to replace by what; `planted` does
it, runs what it is given, and restores everything, whatever happens.

A mutant whose own code fails plants another bug than it says, and whatever finds that one proves
nothing. So functions that are planted are watched: an error that one of them did not raise on
purpose is told when the bug is taken out again, wherever it was caught in between.
"""

from __future__ import annotations

import dis
import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

Plant = Callable[[Any, str, Any], None]
_HERE = str(Path(__file__).parent)
_RAISE = dis.opmap["RAISE_VARARGS"]


class BrokenMutant(RuntimeError):
    """A planted bug's own code fails: it does not plant what it says."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One planted bug, the property that must find it, and where it was found."""

    name: str
    text: str
    property_id: str
    plant: Callable[[Plant], None]
    seed: int  # the seed in the table: found here, and this seed is green without the bug
    nodes: int | None = None
    source: str = ""  # its id in the design, where it has one


@contextmanager
def planted(mutant: Mutant) -> Iterator[None]:
    """Replace what the mutant names; put it back afterwards.

    Raises BrokenMutant: the mutant's own code has failed.
    """
    before: list[tuple[Any, str, Any]] = []
    watch = _Watch(getattr(getattr(mutant.plant, "__code__", None), "co_filename", _HERE))
    failures = watch.failures

    def replace(owner: Any, name: str, value: Any) -> None:
        before.append(
            (
                owner,
                name,
                getattr(owner, name) if not isinstance(owner, type) else vars(owner)[name],
            )
        )
        setattr(owner, name, watch.over(value))

    try:
        try:
            mutant.plant(replace)
        except Exception as error:
            raise BrokenMutant(f"{mutant.name} cannot be planted: {error!r}") from error
        try:
            yield
        except Exception:
            if not failures:
                raise
    finally:
        for owner, name, value in reversed(before):
            setattr(owner, name, value)
    if failures:
        raise BrokenMutant(f"the code of {mutant.name} itself fails: {failures[0]}")


class _Watch:
    """Looks at what planted functions raise without meaning to."""

    def __init__(self, home: str) -> None:
        self.failures: list[str] = []
        self._homes = (_HERE, home)  # where a mutant's own code stands

    def over(self, value: Any) -> Any:
        """Return what is planted, watched if it is a function of the mutant's."""
        if isinstance(value, staticmethod | classmethod):
            return type(value)(self.over(value.__func__))
        if not isinstance(value, FunctionType) or not self._owns(value.__code__):
            return value
        if inspect.isgeneratorfunction(value) or inspect.isasyncgenfunction(value):
            return value
        if inspect.iscoroutinefunction(value):

            @functools.wraps(value)
            async def waits(*arguments: Any, **named: Any) -> Any:
                try:
                    return await value(*arguments, **named)
                except Exception as error:
                    self._look(error)
                    raise

            return waits

        @functools.wraps(value)
        def calls(*arguments: Any, **named: Any) -> Any:
            try:
                return value(*arguments, **named)
            except Exception as error:
                self._look(error)
                raise

        return calls

    def _owns(self, code: CodeType) -> bool:
        return code.co_filename.startswith(self._homes)

    def _look(self, error: Exception) -> None:
        """Remember an error of the mutant's own code, if no `raise` there asked for it."""
        last = error.__traceback__
        while last is not None and last.tb_next is not None:
            last = last.tb_next
        if last is None:
            return
        code = last.tb_frame.f_code
        if self._owns(code) and code.co_code[last.tb_lasti] != _RAISE:
            place = f"{Path(code.co_filename).name}:{last.tb_lineno}"
            self.failures.append(f"{error!r} in {code.co_name}, {place}")
