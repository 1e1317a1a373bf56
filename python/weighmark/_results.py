"""What `--json` says, as dataclasses. `raw` is the whole of it, as `schemas/*.schema.json` describe it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Finding:
    """What is wrong, with a stable code."""

    code: str
    message: str
    subject: str | None = None
    hint: str | None = None

    @staticmethod
    def of(json: dict[str, Any]) -> Finding:
        return Finding(json["code"], json["message"], json.get("subject"), json.get("hint"))


@dataclass(frozen=True)
class Check:
    name: str
    passed: bool
    evidence: tuple[str, ...]
    findings: tuple[Finding, ...]

    @staticmethod
    def of(json: dict[str, Any]) -> Check:
        evidence = tuple(each["what"] for each in json.get("evidence", []))
        return Check(json["name"], json["passed"], evidence, tuple(map(Finding.of, json.get("findings", []))))


@dataclass(frozen=True)
class Verdict:
    """`ok` only if at least one check ran and all passed."""

    subject: str
    outcome: str
    exit_code: int
    scope: str
    id: str | None
    by: str | None
    checks: tuple[Check, ...]
    notes: tuple[str, ...]
    raw: dict[str, Any] = field(repr=False, compare=False)

    @property
    def ok(self) -> bool:
        return self.outcome == "verified" and self.exit_code == 0

    @property
    def findings(self) -> tuple[Finding, ...]:
        return tuple(finding for check in self.checks for finding in check.findings)

    @staticmethod
    def of(json: dict[str, Any]) -> Verdict:
        return Verdict(
            subject=json["subject"],
            outcome=json["outcome"],
            exit_code=json["exitCode"],
            scope=json["scope"],
            id=json.get("id"),
            by=json.get("by"),
            checks=tuple(map(Check.of, json["checks"])),
            notes=tuple(json["notes"]),
            raw=json,
        )


@dataclass(frozen=True)
class ScannedFile:
    artifact: str
    path: str
    verdict: str
    rules: tuple[str, ...]


@dataclass(frozen=True)
class ScanReport:
    """`ok` if nothing at or above `fail_on` was found and everything could be examined."""

    exit_code: int
    files: tuple[ScannedFile, ...]
    raw: dict[str, Any] = field(repr=False, compare=False)

    @property
    def ok(self) -> bool:
        return self.exit_code == 0

    @staticmethod
    def of(json: dict[str, Any]) -> ScanReport:
        files = tuple(
            ScannedFile(
                artifact["path"], each["path"], each["verdict"], tuple(found["rule"] for found in each["findings"])
            )
            for artifact in json["artifacts"]
            for each in artifact["files"]
        )
        return ScanReport(json["exitCode"], files, json)


@dataclass(frozen=True)
class Inspection:
    ref: str
    kind: str
    size_bytes: int
    files: tuple[str, ...]
    parameters: int | None
    raw: dict[str, Any] = field(repr=False, compare=False)

    @staticmethod
    def of(json: dict[str, Any]) -> Inspection:
        files = tuple(each["path"] for each in json["files"])
        parameters = (json["model"] or {}).get("parameters")
        return Inspection(json["ref"], json["kind"], json["sizeBytes"], files, parameters, json)
