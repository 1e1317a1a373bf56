"""guard(recheck=…): a model is promoted, loaded, and then really revoked in a registry in a folder; the process is told. Needs the
installed wheel and nothing else. Run by ../python.sh."""

import json
import os
import subprocess
import sys
import tempfile
import threading
import unittest
from pathlib import Path

HOME = Path(tempfile.mkdtemp(prefix="weighmark-recheck-"))
os.environ |= {"HOME": str(HOME), "XDG_CACHE_HOME": str(HOME / "cache"), "XDG_STATE_HOME": str(HOME / "state")}

import weighmark  # noqa: E402
from weighmark import _guard  # noqa: E402

PATIENCE = 300  # seconds until a test that hangs is given up; nothing is measured


def cli(*words):
    done = subprocess.run([sys.executable, "-m", "weighmark", *map(str, words)], cwd=HOME, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def body(name):
    return "".join(line for line in (HOME / f"{name}.pub").read_text().splitlines() if "-----" not in line)


class Revoked(unittest.TestCase):
    def test_what_was_loaded_is_revoked_later(self):
        names = ["anna", "bot", "rita", "erin"]
        for name in names:
            cli("keygen", name, "--no-password", "-q")
        policy = {
            "format": "weighmark-policy/1",
            "name": "house",
            "version": 1,
            "expires": "2099-01-01",
            "principals": {name: {"keys": [body(name)]} for name in names},
            "roles": {
                "publisher": ["anna"],
                "trainer": ["anna"],
                "evaluator": ["erin"],
                "promoter": ["bot"],
                "revoker": ["rita"],
            },
            "environments": [{"name": "prod", "require": ["bom"]}],
        }
        (HOME / "policy.yaml").write_text(json.dumps(policy))
        model = HOME / "model"
        model.mkdir()
        header = json.dumps({"w": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}}).encode()
        (model / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(16))
        (model / "config.json").write_text('{"model_type":"bert"}')
        data = HOME / "data"
        data.mkdir()
        (data / "rows.csv").write_text("a,b\n1,2\n")
        (data / "README.md").write_text("---\nlicense: cc0-1.0\n---\n# rows\n")
        cli("registry", "init", "registry")
        cli("seal", "data", "--name", "acme/data:1", "--key", "anna.key")
        cli("push", "data", "acme/data:1", "--registry", "registry")
        cli("seal", "model", "--name", "acme/enc:1", "--step", "train", "--input", "dataset=data", "--key", "anna.key")
        cli("push", "model", "acme/enc:1", "--registry", "registry")
        gate = ["--policy", "policy.yaml", "--registry", "registry"]
        cli("promote", "acme/enc:1", "--env", "prod", *gate, "--key", "bot.key")

        told, heard = [], threading.Event()

        def on_revoked(error):
            told.append(error)
            if "revoked" in error.codes:
                heard.set()

        trust = {"policy": HOME / "policy.yaml", "env": "prod", "registry": str(HOME / "registry")}
        weighmark.guard(recheck=0.1, on_revoked=on_revoked, **trust)
        loaded = _guard.redirect(str(model / "model.safetensors"))  # as every guarded loader does
        self.assertNotEqual(loaded, str(model / "model.safetensors"))
        self.assertTrue(Path(loaded).exists())
        absolute = {**trust, "policy": str(trust["policy"])}
        _guard.recheck(str(model), absolute, told.append)
        self.assertEqual(told, [], "as long as nobody revoked it, nobody is told")

        failed = ["--type", "evaluation", "--metric", "f1=0.1", "--result", "failed"]
        cli("attest", "acme/enc:1", *failed, "--registry", "registry", "--key", "erin.key")
        _guard.recheck(str(model), absolute, told.append)
        self.assertIn("claim-negative", told[0].codes, "an evaluation that failed since is a no")

        cli("revoke", "acme/enc:1", "--reason", "it leaks", "--yes", *gate, "--key", "rita.key")
        self.assertTrue(heard.wait(PATIENCE), "the process is told")
        self.assertTrue(any("revoked" in each.codes for each in told))
        with self.assertRaises(weighmark.NotVerified):
            weighmark.verified(model, **trust).open()


if __name__ == "__main__":
    unittest.main()
