"""Load only what was verified.

    import weighmark

    with weighmark.verified("./model", key="anna.pub") as folder:
        model = AutoModel.from_pretrained(folder)

What is refused raises `NotVerified`, with the same codes as the command line.
"""

from ._results import Check, Finding, Inspection, ScannedFile, ScanReport, Verdict
from ._trust import Trust
from ._verified import NotVerified, inspect, scan, verified, verify
from ._version import __version__

__all__ = [
    "Check",
    "Finding",
    "Inspection",
    "NotVerified",
    "ScanReport",
    "ScannedFile",
    "Trust",
    "Verdict",
    "__version__",
    "guard",
    "inspect",
    "scan",
    "verified",
    "verify",
]


def guard(*args, **kwargs):
    """See `weighmark._guard.guard`: from here on this process loads only what is verified."""
    from ._guard import guard as start

    return start(*args, **kwargs)
