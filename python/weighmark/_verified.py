"""Verified bytes at a private place, and verdicts. All judging is the command line's."""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Callable, TypeVar

from ._cli import command
from ._results import Finding, Inspection, ScanReport, Verdict
from ._trust import Trust, arguments

if sys.version_info >= (3, 11):
    from typing import Unpack
else:  # the names of the options are checked when they are used
    from typing import Annotated

    class Unpack:  # noqa: D101
        def __class_getitem__(cls, item: Any) -> Any:
            return Annotated[Any, item]


Result = TypeVar("Result")
places: set[str] = set()
"""Where verified bytes are now, of this process."""
own_work = threading.local()
"""Set while this thread reads for weighmark itself."""


class NotVerified(PermissionError):
    """Refused; `codes` are those of the command line's findings, `exit_code` is its exit code.

    An OSError, since transformers lets those pass and hides all others behind "Can't load the configuration".
    """

    def __init__(
        self, subject: str, codes: list[str], message: str, exit_code: int = 1, verdict: Verdict | None = None
    ) -> None:
        super().__init__(f"{subject}: {message} [{', '.join(codes)}]")
        self.subject, self.codes, self.exit_code, self.verdict = subject, codes, exit_code, verdict

    @staticmethod
    def by(verdict: Verdict) -> NotVerified:
        findings = verdict.findings
        message = "; ".join(f"{each.subject + ': ' if each.subject else ''}{each.message}" for each in findings)
        return NotVerified(
            verdict.subject, [each.code for each in findings], message or verdict.outcome, verdict.exit_code, verdict
        )


class Verified:
    """A context manager that gives the path, and a decorator that hands it on as the first argument."""

    def __init__(self, ref: str | os.PathLike[str], trust: Trust) -> None:
        self._ref = os.fspath(ref)
        self._words = arguments(trust)
        self._holder: subprocess.Popen[bytes] | None = None
        self._path = ""
        self.verdict: Verdict | None = None

    def __enter__(self) -> Path:
        return self.open()

    def __exit__(self, *_: object) -> None:
        self.close()

    def __call__(self, function: Callable[..., Result]) -> Callable[..., Result]:
        @functools.wraps(function)
        def with_path(*args: Any, **kwargs: Any) -> Result:
            with Verified.again(self) as path:
                return function(path, *args, **kwargs)

        return with_path

    @staticmethod
    def again(other: Verified) -> Verified:
        copy = Verified(other._ref, {})
        copy._words = other._words
        return copy

    def open(self) -> Path:
        """`weighmark exec` keeps the place for as long as its command reads from us: until `close`, or our end."""
        argv = [*command(), "exec", self._ref, *self._words, "--status-fd=1", "--", *_waiting()]
        own_work.active = True
        try:
            holder = subprocess.Popen(
                argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=os.name != "nt",
            )
        finally:
            own_work.active = False
        assert holder.stdout is not None
        line = holder.stdout.readline()
        said: dict[str, Any] = json.loads(line) if line.endswith(b"\n") else {}
        path = said.get("path")
        if path is None:
            _, stderr = holder.communicate()
            raise _refusal(self._ref, said, stderr.decode("utf-8", "replace"), holder.returncode)
        self._holder, self._path = holder, path
        places.add(path)
        self.verdict = Verdict.of(said["verdict"])
        return Path(path)

    def close(self) -> None:
        """Takes the place away; no file in it may be opened any more."""
        if self._holder is not None:
            places.discard(self._path)
            self._holder.communicate()
            self._holder = None


def _waiting() -> list[str]:
    cat = shutil.which("cat") if os.name != "nt" else None
    return [cat] if cat else [sys.executable, "-S", "-E", "-c", "import sys; sys.stdin.buffer.read()"]


def _refusal(ref: str, said: dict[str, Any], stderr: str, exit_code: int) -> NotVerified:
    if "verdict" in said:
        return NotVerified.by(Verdict.of(said["verdict"]))
    found = re.search(r"error\[([a-z-]+)\]: (.*)", stderr)
    code, message = (found[1], found[2]) if found else ("internal", stderr.strip()[-300:])
    return NotVerified(ref, [code], message, exit_code)


def verified(ref: str | os.PathLike[str], **trust: Unpack[Trust]) -> Verified:
    """The verified bytes of `ref`, in a private folder that holds nothing else; gone when the `with` ends.

    No other user can change them any more, nor whoever writes to the original. For a file it is the file's path.
    :raises NotVerified: when the place is entered.
    """
    return Verified(ref, trust)


def _json(words: list[str], subject: str) -> dict[str, Any]:
    done = subprocess.run([*command(), *words, "--json"], capture_output=True, text=True, encoding="utf-8")
    try:
        said: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        raise NotVerified(subject, ["internal"], done.stderr.strip()[-300:], done.returncode) from None
    if "error" in said:
        finding = Finding.of(said["error"])
        raise NotVerified(subject, [finding.code], finding.message, done.returncode)
    return said


def verify(ref: str | os.PathLike[str], **trust: Unpack[Trust]) -> Verdict:
    """The verdict, whatever it is.

    :raises NotVerified: if there can be none: nothing is there, or no sense is in the question.
    """
    said = _json(["verify", os.fspath(ref), *arguments(trust)], os.fspath(ref))
    return Verdict.of(said["verdicts"][0])


def scan(*paths: str | os.PathLike[str], fail_on: str = "high") -> ScanReport:
    """Unsafe content and known-bad digests; nothing is ever loaded."""
    words = [os.fspath(path) for path in paths]
    return ScanReport.of(_json(["scan", *words, f"--fail-on={fail_on}"], ", ".join(words)))


def inspect(ref: str | os.PathLike[str]) -> Inspection:
    """What it is: files, formats, tensors, parameters."""
    return Inspection.of(_json(["inspect", os.fspath(ref)], os.fspath(ref)))
