"""Whose signature counts, in the words of the command line. Nothing given: the user's trust store."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TypedDict, Union

Path = Union[str, "os.PathLike[str]"]


class Trust(TypedDict, total=False):
    key: Path
    certificate_chain: Path
    identity: str
    issuer: str
    trusted_root: Path
    by: Sequence[str]
    policy: Path
    env: str
    registry: str
    log_vkey: str
    min_checkpoint: str
    signature: Path
    claims: Sequence[Path]
    allow_symlinks: bool
    ignore_unsigned_files: bool
    offline: bool


def arguments(trust: Trust) -> list[str]:
    """`key="a.pub"` → `--key=a.pub`. Unknown names are errors, as unknown options are."""
    unknown = set(trust) - set(Trust.__annotations__)
    if unknown:
        raise TypeError(f"unknown: {', '.join(sorted(unknown))}")
    words: list[str] = []
    for name, value in trust.items():
        option = "--" + name.replace("_", "-")
        if value is True:
            words.append(option)
        elif isinstance(value, (list, tuple)):
            words.extend(f"{option}={os.fspath(each)}" for each in value)
        elif value is not None and value is not False:
            words.append(f"{option}={os.fspath(value)}")  # type: ignore[call-overload]
    return words
