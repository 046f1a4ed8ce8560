"""Stands in for TensorFlow so that Rasa can be imported without it.

Before everything else in the dialogue process. Rasa imports TensorFlow at module level, also when no component of the
pipeline uses it; the pipeline here (count vectors, logistic regression, rules) uses none. Upstream does not support
this, so a test trains and talks through it.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import sys
import types
from collections.abc import Iterator, Sequence
from typing import Any

ABSENT_PACKAGES = ("tensorflow", "tensorflow_hub", "tensorflow_text", "keras", "jax")


class _AnythingMeta(type):
    """A class whose every attribute, call, item, union and iteration is again harmless."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _anything(name)

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        # A decorator must hand back what it decorates; a real subclass must still be constructible.
        if cls.__module__ != __name__:
            return super().__call__(*args, **kwargs)
        if len(args) == 1 and not kwargs and callable(args[0]):
            return args[0]
        return cls

    def __getitem__(cls, _item: Any) -> Any:
        return cls

    def __or__(cls, _other: Any) -> Any:
        return cls

    def __ror__(cls, _other: Any) -> Any:
        return cls

    def __iter__(cls) -> Iterator[Any]:
        return iter(())


def _anything(name: str) -> Any:
    return _AnythingMeta(name, (), {"__module__": __name__, "__init_subclass__": classmethod(lambda _cls, **_: None)})


class _AbsentModule(types.ModuleType):
    """A module that has whatever is asked of it."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        thing = _anything(name)
        setattr(self, name, thing)
        return thing


class _AbsentPackages(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the absent packages, and every module below them."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname.split(".", 1)[0] not in ABSENT_PACKAGES:
            return None
        return importlib.util.spec_from_loader(fullname, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        module = _AbsentModule(spec.name)
        module.__version__ = "0.0.0"  # type: ignore[attr-defined]
        return module

    def exec_module(self, module: types.ModuleType) -> None:
        """Leave the module as it is: empty, and able to answer for every name."""


def stand_in_for_tensorflow() -> None:
    """Make every absent package importable; a package that is really installed is used as it is."""
    if importlib.util.find_spec("tensorflow") is None:
        sys.meta_path.insert(0, _AbsentPackages())
