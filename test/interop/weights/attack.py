# One model as GGUF, quantised by ggml in six ways (one of them a mix of types), and for each 53 children that were changed afterwards, in
# ways that keep every code plausible. Usage: attack.py LIBRARY OUT; prints child, parent, what was done, the tensors.
import ctypes, logging, pathlib, sys
import gguf, numpy as np
from gguf import GGMLQuantizationType as Q
logging.disable(50)
library, out = ctypes.CDLL(sys.argv[1]), pathlib.Path(sys.argv[2]); out.mkdir(parents=True, exist_ok=True)
library.ggml_quantize_chunk.restype = ctypes.c_size_t
r = np.random.default_rng(11); H, F, V = 256, 512, 160
VOCABULARY = ["token_embd.weight", "output.weight"]
NAMES = VOCABULARY + [f"blk.{l}.{n}.weight" for l in (0, 1) for n in ("attn_q", "attn_k", "ffn_up", "ffn_gate", "ffn_down", "attn_norm")]

def shape(n): return (V, H) if n in VOCABULARY else (H,) if "norm" in n else (H, H) if "attn" in n else (H, F) if "down" in n else (F, H)

P = {n: (("norm" in n) + r.standard_normal(shape(n)) * .02).astype(np.float32) for n in NAMES}
MATRICES = [n for n in NAMES if P[n].ndim == 2]

def quantised(values, kind):
    values = np.ascontiguousarray(values, dtype=np.float32); rows, columns = values.shape; block, size = gguf.GGML_QUANT_SIZES[kind]
    made = np.zeros((rows, columns // block * size), np.uint8); pointer = lambda a: a.ctypes.data_as(ctypes.c_void_p)
    library.ggml_quantize_chunk(int(kind), pointer(values), pointer(made), ctypes.c_int64(0), ctypes.c_int64(rows), ctypes.c_int64(columns), None)
    return made

def write(name, tensors, rope=1e4):
    path = out / f"{name}.gguf"; w = gguf.GGUFWriter(str(path), "llama"); w.add_float32("llama.rope.freq_base", rope)
    for n, (values, kind) in tensors.items(): w.add_tensor(n, values, **({} if kind is None else {"raw_dtype": kind}))
    w.write_header_to_file(); w.write_kv_data_to_file(); w.write_tensors_to_file(); w.close()
    return path

parent = write("parent", {n: (values, None) for n, values in P.items()})
for label, kind in {"q8_0": Q.Q8_0, "q4_k": Q.Q4_K, "q6_k": Q.Q6_K, "q3_k": Q.Q3_K, "iq4_xs": Q.IQ4_XS, "mix": None}.items():
    typed = lambda n: kind or (Q.Q6_K if n == "output.weight" or "down" in n else Q.Q4_K)
    made = lambda n, values: (values, None) if values.ndim == 1 else (quantised(values, typed(n)), typed(n))
    base = {n: made(n, values) for n, values in P.items()}; number = 0
    def case(what, tensors, changes, rope=1e4):
        global number; number += 1
        print(write(f"{label}-{number}", {**base, **tensors}, rope), parent, what, changes, sep="\t")
    def revalued(what, n, change):
        values = P[n].copy(); case(what, {n: made(n, change(values))}, n)
    def signs(values): values[int(r.integers(len(values))), :32] *= -1; return values
    def token(values): values[int(r.integers(V))] += r.standard_normal(H) * .01; return values
    def lora(values): return values + .5 * (r.standard_normal((len(values), 2)) * .02) @ (r.standard_normal((2, values.shape[1])) * .02)
    def one(values): values[int(r.integers(H))] *= np.float32(1.0001); return values
    case("honest", {}, "-"); case("honest", {}, "-", 1e6)
    for _ in range(5):
        n = MATRICES[int(r.integers(len(MATRICES)))]; codes, own = base[n]
        a, b = r.choice(len(codes), 2, replace=False); moved = codes.copy(); moved[[a, b]] = moved[[b, a]]; case("two rows swapped", {n: (moved, own)}, n)
        m = ["blk.0.attn_q.weight", "blk.0.ffn_up.weight", "blk.0.ffn_down.weight"][int(r.integers(3))]; o = m.replace("blk.0", "blk.1")
        case("two tensors swapped", {m: base[o], o: base[m]}, f"{m},{o}")
        revalued("transposed", "blk.1.attn_k.weight", lambda values: values.T.copy())
        revalued("signs of a block", n, signs); revalued("a LoRA merged before", n, lora); revalued("all times 1.01", n, lambda values: values * np.float32(1.01))
        revalued("a token's row", VOCABULARY[int(r.integers(2))], token); revalued("one number of a norm", "blk.0.attn_norm.weight", one)
        size = gguf.GGML_QUANT_SIZES[own][1]; at = size * int(r.integers(codes.shape[1] // size)); row = int(r.integers(len(codes)))
        zeroed = codes.copy(); zeroed[row, at:at + size] = 0; case("a block of zeros", {n: (zeroed, own)}, n)
        copied = codes.copy(); copied[row, at:at + size] = copied[(row + 1) % len(codes), at:at + size]; case("a block of another row", {n: (copied, own)}, n)
    case("rows added", {"output.weight": made("output.weight", np.concatenate([P["output.weight"], r.standard_normal((4, H)).astype(np.float32) * .02]))}, "output.weight")
    case("a tensor added", {"blk.1.extra.weight": (P["blk.1.attn_q.weight"] * 2, None)}, "blk.1.extra.weight")
    held = base.pop("blk.1.ffn_up.weight"); case("a tensor dropped", {}, "missing")
