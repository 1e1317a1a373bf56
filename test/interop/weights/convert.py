# Runs the real converter (llama.cpp checkout in $LLAMA_CPP, read at 0c1e57098) over each folder, tokenizer left out.
# Usage: convert.py MODELS OUT f32|f16|bf16|q8_0
import sys, os, pathlib, logging
sys.path[:0] = [os.environ["LLAMA_CPP"], os.environ["LLAMA_CPP"] + "/gguf-py"]
import gguf, conversion
from conversion.base import ModelBase, ModelType
try: from conversion import get_model_class
except Exception: get_model_class = None
logging.disable(logging.WARNING)
src, out, ft = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3]
FT = dict(f32=gguf.LlamaFileType.ALL_F32, f16=gguf.LlamaFileType.MOSTLY_F16, bf16=gguf.LlamaFileType.MOSTLY_BF16, q8_0=gguf.LlamaFileType.MOSTLY_Q8_0)[ft]
out.mkdir(parents=True, exist_ok=True)
for d in sorted(src.iterdir()):
    try:
        arch = ModelBase.load_hparams(d, False)["architectures"][0]
        cls = get_model_class(arch) if get_model_class else ModelBase.from_model_architecture(arch)
        cls.set_vocab = lambda self: None
        m = cls(d, FT, out / f"{d.name}-{ft}.gguf", eager=True)
        m.write()
    except Exception as e:
        print("FAIL", d.name, type(e).__name__, str(e)[:300])
