"""Every way to open a model's file that the newest libraries have, on files that nobody signed: refused before anything is read, or
named here as not covered, as docs/python.md has it. Run by ../python.sh; GUARD=late starts the guard after the imports."""

import contextlib
import io
import logging
import mmap
import os
import pickle
import subprocess
import sys
import tempfile
import unittest

os.environ |= {"HF_HUB_OFFLINE": "1", "KERAS_BACKEND": "torch", "CUDA_VISIBLE_DEVICES": ""}
HOME = tempfile.mkdtemp(prefix="weighmark-openers-")
os.environ["XDG_CACHE_HOME"] = HOME + "/cache"
os.chdir(HOME)

import weighmark  # noqa: E402
from weighmark import NotVerified, _guard  # noqa: E402

LATE = os.environ.get("GUARD") == "late"
subprocess.run([sys.executable, "-m", "weighmark", "keygen", "k", "--no-password", "-q"], check=True)
logging.getLogger("weighmark").setLevel(logging.CRITICAL + 1)
if not LATE:
    weighmark.guard(key="k.pub")
import diffusers  # noqa: E402
import h5py  # noqa: E402
import joblib  # noqa: E402
import keras  # noqa: E402
import numpy as np  # noqa: E402
import onnx  # noqa: E402
import onnxruntime  # noqa: E402
import peft  # noqa: E402
import safetensors.numpy  # noqa: E402
import safetensors.torch  # noqa: E402
import sentence_transformers  # noqa: E402
import tokenizers  # noqa: E402
import torch  # noqa: E402
import torch.distributed.checkpoint as dcp  # noqa: E402
import torch.package  # noqa: E402
import transformers  # noqa: E402
from safetensors import safe_open  # noqa: E402

if LATE:
    weighmark.guard(key="k.pub")


def make():
    tensors = {"w": torch.ones(4)}
    for name in ("a.safetensors", "a.dat"):
        safetensors.torch.save_file(tensors, name)
    for name in ("a.pt", "a.odd"):
        torch.save(tensors, name)
    np.save("a.npy", np.ones(3))
    np.savez("a.npz", x=np.ones(3))
    np.ones(4).tofile("a.raw")
    with open("a.pkl", "wb") as file:
        pickle.dump([1], file)
    joblib.dump([1], "a.joblib")
    joblib.dump([1], "a.z", compress=3)
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), "j.pt")
    torch.export.save(torch.export.export(torch.nn.Linear(2, 2), (torch.ones(1, 2),)), "e.pt2")
    with torch.package.PackageExporter("p.pt") as package:
        package.save_pickle("m", "m.pkl", [1])
    dcp.save({"w": torch.ones(2)}, checkpoint_id="dcp", no_dist=True)
    value = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Identity", ["x"], ["y"])], "g", [value("x", 1, [1])], [value("y", 1, [1])]
    )
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=9), "a.onnx")
    os.link("a.onnx", "a.model")
    with h5py.File("a.h5", "w") as file:
        file["x"] = np.ones(2)
    MODEL.save("a.keras")
    MODEL.save_weights("a.weights.h5")
    tokenizers.Tokenizer(tokenizers.models.WordLevel({"a": 0, "[UNK]": 1}, unk_token="[UNK]")).save("tokenizer.json")
    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 8, "vocab_size": 9}
    transformers.BertModel(transformers.BertConfig(**sizes)).save_pretrained("bert")
    blocks = {"down_block_types": ("DownBlock2D",), "up_block_types": ("UpBlock2D",)}
    unet = diffusers.UNet2DModel(sample_size=8, block_out_channels=(4,), layers_per_block=1, norm_num_groups=2, **blocks)
    diffusers.DDPMPipeline(unet=unet, scheduler=diffusers.DDPMScheduler()).save_pretrained("ddpm")
    for path, text in {
        "hub/hubconf.py": "def net():\n    return 1\n",
        "code/config.json": '{"model_type": "x", "auto_map": {"AutoConfig": "conf.C"}}',
        "code/conf.py": "from transformers import PretrainedConfig\nclass C(PretrainedConfig):\n    model_type = 'x'\n",
        "lora/adapter_config.json": '{"peft_type": "LORA", "base_model_name_or_path": "bert"}',
        "vocab.txt": "[UNK]\na\n",
    }.items():
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        with open(path, "w") as file:
            file.write(text)


MODEL = keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(1)])
mode, _guard._state.mode = _guard._state.mode, "off"
make()
_guard._state.mode = mode


def opened(path="a.safetensors"):
    with safe_open(path, "pt") as file:
        return list(file.keys())


REFUSED = {
    "safe_open": opened,
    "safe_open, any name": lambda: opened("a.dat"),
    "safetensors.torch.load_file": lambda: safetensors.torch.load_file("a.safetensors"),
    "safetensors.numpy.load_file": lambda: safetensors.numpy.load_file("a.safetensors"),
    "safetensors.torch.load_model": lambda: safetensors.torch.load_model(torch.nn.Linear(2, 2), "a.safetensors"),
    "safetensors.torch.load of an open": lambda: safetensors.torch.load(open("a.safetensors", "rb").read()),
    "torch.load": lambda: torch.load("a.pt"),
    "torch.load, mmap": lambda: torch.load("a.pt", mmap=True),
    "torch.load, any name": lambda: torch.load("a.odd"),
    "torch.load of a stream": lambda: torch.load(open("a.pt", "rb")),
    "torch.jit.load": lambda: torch.jit.load("j.pt"),
    "torch.export.load": lambda: torch.export.load("e.pt2"),
    "torch.package": lambda: torch.package.PackageImporter("p.pt"),
    "torch.hub.load, local": lambda: torch.hub.load("hub", "net", source="local"),
    "torch.distributed.checkpoint": lambda: dcp.load({"w": torch.zeros(2)}, checkpoint_id="dcp", no_dist=True),
    "numpy.load of .npz": lambda: np.load("a.npz"),
    "numpy.memmap": lambda: np.memmap("a.safetensors"),
    "pickle.load": lambda: pickle.load(open("a.pkl", "rb")),
    "os.open": lambda: os.open("a.pkl", os.O_RDONLY),
    "io.FileIO": lambda: io.FileIO("a.pkl"),
    "open for update": lambda: open("a.pkl", "r+b"),
    "mmap": lambda: mmap.mmap(os.open("a.safetensors", os.O_RDONLY), 0, prot=1),
    "joblib.load": lambda: joblib.load("a.joblib"),
    "joblib.load, compressed": lambda: joblib.load("a.z"),
    "joblib.load of a stream": lambda: joblib.load(open("a.joblib", "rb")),
    "InferenceSession": lambda: onnxruntime.InferenceSession("a.onnx"),
    "InferenceSession, any name": lambda: onnxruntime.InferenceSession("a.model"),
    "InferenceSession by keyword": lambda: onnxruntime.InferenceSession(path_or_bytes="a.onnx"),
    "InferenceSession of bytes": lambda: onnxruntime.InferenceSession(open("a.onnx", "rb").read()),
    "onnx.load": lambda: onnx.load("a.onnx"),
    "h5py.File": lambda: h5py.File("a.h5"),
    "h5py.File, bytes for a name": lambda: h5py.File(b"a.h5"),
    "h5py.File of a stream": lambda: h5py.File(open("a.h5", "rb")),
    "keras.saving.load_model": lambda: keras.saving.load_model("a.keras"),
    "keras.models.load_model": lambda: keras.models.load_model("a.keras"),
    "keras load_model of a stream": lambda: keras.saving.load_model(open("a.keras", "rb")),
    "keras Model.load_weights": lambda: MODEL.load_weights("a.weights.h5"),
    "keras.saving.load_weights": lambda: keras.saving.load_weights(MODEL, "a.weights.h5"),
    "KerasFileEditor": lambda: keras.saving.KerasFileEditor("a.weights.h5"),
    "Tokenizer.from_file": lambda: tokenizers.Tokenizer.from_file("tokenizer.json"),
    "PreTrainedTokenizerFast": lambda: transformers.PreTrainedTokenizerFast(tokenizer_file="tokenizer.json"),
    "AutoModel": lambda: transformers.AutoModel.from_pretrained("bert"),
    "AutoConfig": lambda: transformers.AutoConfig.from_pretrained("bert"),
    "pipeline": lambda: transformers.pipeline("feature-extraction", model="bert"),
    "code of a model": lambda: transformers.AutoConfig.from_pretrained("code", trust_remote_code=True),
    "SentenceTransformer": lambda: sentence_transformers.SentenceTransformer("bert"),
    "CrossEncoder": lambda: sentence_transformers.CrossEncoder("bert"),
    "PeftConfig": lambda: peft.PeftConfig.from_pretrained("lora"),
    "DiffusionPipeline": lambda: diffusers.DiffusionPipeline.from_pretrained("ddpm"),
    "diffusers model": lambda: diffusers.UNet2DModel.from_pretrained("ddpm/unet"),
    "diffusers scheduler": lambda: diffusers.DDPMScheduler.from_pretrained("ddpm/scheduler"),
    "diffusers single file": lambda: diffusers.AutoencoderKL.from_single_file("a.safetensors"),
}
#: docs/python.md says so.
NOT_COVERED = {
    "a stream of a file that is not named like a model": lambda: torch.load(open("a.odd", "rb")),
    "numpy.load of .npy": lambda: np.load("a.npy", allow_pickle=True),
    "numbers of any name": lambda: np.fromfile("a.raw"),
    "a configuration by its own name": lambda: transformers.BertConfig.from_json_file("bert/config.json"),
    "a vocabulary": lambda: tokenizers.models.WordPiece.from_file("vocab.txt"),
    "what lies below a library": lambda: h5py.h5f.open(b"a.h5"),
    "the same of torch": lambda: torch._C.PyTorchFileReader("a.pt"),
}


def is_refusal(error):
    return isinstance(error, NotVerified) or (error is not None and is_refusal(error.__cause__ or error.__context__))


class Openers(unittest.TestCase):
    def test_refused(self):
        for name, act in REFUSED.items():
            with self.subTest(name), contextlib.redirect_stderr(io.StringIO()):
                with self.assertRaises(Exception) as caught:
                    act()
                self.assertTrue(is_refusal(caught.exception), repr(caught.exception))

    def test_not_covered(self):
        for name, act in NOT_COVERED.items():
            with self.subTest(name):
                act()


if __name__ == "__main__":
    unittest.main(verbosity=2)
