"""What the formats' own libraries count in the real packages: values of floating point, as parameters are counted here.

`pip install onnx safetensors h5py numpy`, then `python real-packages-counts.py FOLDER`, with the folder that real-packages.sh filled.
Writes `real-packages-counts.json` beside itself. Files of the libraries' own tests are left out: many are broken on purpose.
"""

import json
import os
import sys
from importlib.metadata import version

import h5py
import numpy as np
import onnx
from safetensors import safe_open

FLOATS = {"FLOAT", "FLOAT16", "BFLOAT16", "DOUBLE"}


def by_onnx(path):
    graph = onnx.load(path, load_external_data=False).graph
    name = onnx.TensorProto.DataType.Name
    return sum(int(np.prod(t.dims, dtype=np.int64)) for t in graph.initializer if name(t.data_type) in FLOATS)


def by_safetensors(path):
    with safe_open(path, framework="np") as file:
        slices = [file.get_slice(key) for key in file.keys()]
        return sum(int(np.prod(s.get_shape(), dtype=np.int64)) for s in slices if "F" in s.get_dtype())


def by_h5py(path):
    total = 0

    def add(name, item):
        nonlocal total
        if isinstance(item, h5py.Dataset) and item.dtype.kind == "f" and "optimizer" not in name:
            total += item.size

    with h5py.File(path) as file:
        file.visititems(add)
    return total


def by_numpy(path):
    loaded = np.load(path, allow_pickle=False, mmap_mode="r")
    arrays = [loaded[key] for key in loaded.files] if path.endswith(".npz") else [loaded]
    return sum(array.size for array in arrays if array.dtype.kind == "f")


COUNTERS = {".onnx": by_onnx, ".safetensors": by_safetensors, ".hdf5": by_h5py, ".h5": by_h5py, ".npy": by_numpy, ".npz": by_numpy}


def main(folder):
    counts = {}
    for top, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(top, name)
            shown = os.path.relpath(path, folder)
            count = COUNTERS.get(os.path.splitext(name)[1])
            if count is None or "/test" in shown or shown.startswith("onnx/"):
                continue
            try:
                counts[shown] = int(count(path))
            except Exception as error:  # a file that its own library does not read has no count
                print(f"{shown}: {error}", file=sys.stderr)
    libraries = {name: version(name) for name in ("onnx", "safetensors", "h5py", "numpy")}
    target = os.path.join(os.path.dirname(os.path.abspath(__file__)), "real-packages-counts.json")
    with open(target, "w", encoding="utf8") as out:
        json.dump({"libraries": libraries, "counts": dict(sorted(counts.items()))}, out, indent=2)
        out.write("\n")


main(sys.argv[1])
