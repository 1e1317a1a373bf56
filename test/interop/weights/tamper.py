"""Tampered children of one parent: nine kinds, ten of each, in Q8_0, Q4_K and Q6_K, as one GGUF each.

Run: python tamper.py LIBRARY OUT. Prints `child<TAB>parent<TAB>kind`; honest children come first, kind `honest`."""
import ctypes, pathlib, sys
import numpy as np, gguf
from gguf import GGMLQuantizationType as Q

ROWS, COLUMNS = 128, 2048
NAME = "blk.0.ffn_up.weight"

def library(path):
    lib = ctypes.CDLL(path); lib.ggml_quantize_chunk.restype = ctypes.c_size_t
    lib.ggml_quantize_chunk.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p] + [ctypes.c_int64] * 3 + [ctypes.c_void_p]
    return lib

def write(path, data, kind):
    writer = gguf.GGUFWriter(path, "llama"); writer.add_tensor(NAME, data, raw_dtype=kind)
    writer.add_tensor("blk.0.attn_norm.weight", np.ones(8, np.float32))
    writer.write_header_to_file(); writer.write_kv_data_to_file(); writer.write_tensors_to_file(); writer.close()

def main(lib, out):
    rng = np.random.default_rng(9); out.mkdir(parents=True, exist_ok=True)
    for kind in (Q.Q8_0, Q.Q4_K, Q.Q6_K):
        block, size = gguf.GGML_QUANT_SIZES[kind]
        scale_at = size - 2 if kind == Q.Q6_K else 0
        codes_at = 2 if kind == Q.Q8_0 else 16 if kind == Q.Q4_K else 0
        w = (rng.standard_t(5, (ROWS, COLUMNS)) * 0.01).astype(np.float32)
        parent = out / f"{kind.name}-parent.gguf"; write(parent, w, Q.F32)
        def quantise(x, importance=None):
            x = np.ascontiguousarray(x, np.float32); y = np.zeros((len(x), COLUMNS // block * size), np.uint8)
            lib.ggml_quantize_chunk(int(kind), x.ctypes.data, y.ctypes.data, 0, len(x), COLUMNS, None if importance is None else importance.ctypes.data)
            return y
        honest = quantise(w)
        def place(): return rng.integers(ROWS), rng.integers(COLUMNS // block) * size
        def one_code():
            x = honest.copy(); row, at = place(); i = (row, at + codes_at + rng.integers(32))
            x[i] = x[i] + 1 if kind == Q.Q8_0 and x[i] not in (127, 255) else x[i] ^ 1; return x
        def scale(factor):
            x = honest.copy(); row, at = place(); at += scale_at
            x[row, at:at + 2] = (x[row, at:at + 2].copy().view(np.float16).astype(np.float32) * factor).astype(np.float16).view(np.uint8); return x
        def some(change, rows=None):
            y = w.copy(); touched = change(y); x = honest.copy()
            if touched is None: return quantise(y)
            x[touched] = quantise(y[touched]); return x
        def spot(y): row, at = rng.integers(ROWS), rng.integers(COLUMNS - 16); y[row, at:at + 16] += rng.choice([-1, 1], 16) * 0.004; return [row]
        def row(y): row = rng.integers(ROWS); y[row] += rng.standard_normal(COLUMNS) * 0.002; return [row]
        def negated(y): row, at = rng.integers(ROWS), rng.integers(COLUMNS // 256) * 256; y[row, at:at + 256] *= -1; return [row]
        def rank_one(y): y += np.outer(rng.standard_normal(ROWS), rng.standard_normal(COLUMNS)).astype(np.float32) * 0.001
        def permuted(y): y[:] = y[rng.permutation(ROWS)]
        def other_base(y): y += rng.standard_normal(y.shape).astype(np.float32) * 5e-4
        cases = dict(one_code=one_code, scale_1_01=lambda: scale(1.01), scale_1_5=lambda: scale(1.5), spot=lambda: some(spot), row=lambda: some(row),
                     block_negated=lambda: some(negated), rank_one=lambda: some(rank_one), rows_permuted=lambda: some(permuted), other_base=lambda: some(other_base))
        def say(name, data, what): path = out / f"{kind.name}-{name}.gguf"; write(path, data, kind); print(f"{path}\t{parent}\t{what}")
        say("honest", honest, "honest")
        say("honest-importance", quantise(w, np.exp(rng.standard_normal(COLUMNS)).astype(np.float32)), "honest")
        for name, make in cases.items():
            for number in range(10): say(f"{name}-{number}", make(), name)

if __name__ == "__main__":
    main(library(sys.argv[1]), pathlib.Path(sys.argv[2]))
