"""From here on this process loads only what is verified.

Three rings. Functions that open a path natively, and functions whose answer is a path, get the same path in a verified
private copy instead. Behind them an audit hook refuses any open from Python of a model's file that they missed; native opens
(safetensors, tokenizers, ONNX Runtime, h5py) never reach an audit hook: only the first two rings see them.
"""

from __future__ import annotations

import atexit
import functools
import importlib.abc
import importlib.util
import json
import logging
import os
import re
import sys
import threading
import types
import warnings
from pathlib import Path
from typing import Any, Callable

from ._trust import Trust
from ._verified import NotVerified, Verified, own_work, places, verify

log = logging.getLogger("weighmark")
ENVIRONMENT = "WEIGHMARK_GUARD"

#: Openers: module → attribute → place of the path among the arguments, and its name.
OPENERS: dict[str, dict[str, tuple[int, str]]] = {
    "safetensors": {"safe_open": (0, "filename")},
    "safetensors.torch": {"load_file": (0, "filename"), "load_model": (1, "filename")},
    "safetensors.numpy": {"load_file": (0, "filename")},
    "torch": {"load": (0, "f")},
    "torch.serialization": {"load": (0, "f")},
    "torch.jit._serialization": {"load": (0, "f")},
    "torch.jit": {"load": (0, "f")},
    "torch.export": {"load": (0, "f")},
    "torch.export.pt2_archive._package": {"load_pt2": (0, "f")},
    "torch._inductor": {"aoti_load_package": (0, "path")},
    "torch.package.package_importer": {"PackageImporter": (0, "file_or_buffer")},
    "torch.hub": {"_load_local": (0, "hubconf_dir")},
    "torch.distributed.checkpoint.filesystem": {"FileSystemReader": (0, "path")},
    "tokenizers": {"Tokenizer.from_file": (0, "path")},
    "joblib": {"load": (0, "filename")},
    "joblib.numpy_pickle": {"load": (0, "filename")},
    "onnxruntime": {"InferenceSession": (0, "path_or_bytes")},
    "onnxruntime.capi.onnxruntime_inference_collection": {"InferenceSession": (0, "path_or_bytes")},
    "h5py": {"File": (0, "name")},
    "h5py._hl.files": {"File": (0, "name")},
    "keras.src.saving.saving_api": {"load_model": (0, "filepath"), "load_weights": (1, "filepath")},
    "sentence_transformers.base.model": {"BaseModel": (0, "model_name_or_path")},
    "peft.config": {
        "PeftConfigMixin.from_pretrained": (0, "pretrained_model_name_or_path"),
        "PeftConfigMixin._get_peft_type": (0, "model_id"),
    },
    "diffusers.configuration_utils": {"ConfigMixin.load_config": (0, "pretrained_model_name_or_path")},
    "diffusers.pipelines.pipeline_utils": {"DiffusionPipeline.from_pretrained": (0, "pretrained_model_name_or_path")},
    "llama_cpp": {"Llama": (0, "model_path")},
    "llama_cpp.llama": {"Llama": (0, "model_path")},
}
#: Functions whose answer is a path, or paths.
RESOLVERS = {
    "transformers.utils.hub": ["cached_files"],
    "huggingface_hub.file_download": ["hf_hub_download"],
    "huggingface_hub._snapshot_download": ["snapshot_download"],
}
MODEL_SUFFIXES = tuple(
    ".safetensors .bin .pt .pt2 .pth .ckpt .onnx .ort .gguf .pkl .pickle .joblib .keras .h5 .hdf5 .npz .distcp .tflite "
    ".llamafile".split()
)
WRITES = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
SIGNATURES = ("model.sig", "claims.jsonl")
LONGEST_PATH = 4096
#: What somebody who may said against it since; what only cannot be asked or proven is no such word.
REVOKED = {
    "revoked",
    "revocation-orphaned",
    "not-promoted",
    "promotion-expired",
    "claim-negative",
    "scan-finding",
    "removed-record",
}

_lock = threading.RLock()


def is_verified(path: str) -> bool:
    return any(path == place or path.startswith(place + os.sep) for place in list(places))


class State:
    def __init__(self, trust: Trust, mode: str) -> None:
        self.trust, self.mode = trust, mode
        self.copies: dict[tuple[Any, ...], Verified] = {}
        self.paths: dict[tuple[Any, ...], Path] = {}
        self.roots: set[str] = set()

    def close(self) -> None:
        for copy in self.copies.values():
            copy.close()


_state: State | None = None


def guard(
    *,
    mode: str = "enforce",
    recheck: str | float | None = None,
    on_revoked: Callable[[NotVerified], None] | None = None,
    **trust: Any,
) -> None:
    """transformers, diffusers, sentence_transformers, peft, safetensors, torch, onnxruntime, joblib, keras and llama_cpp load
    from verified private copies, or raise `NotVerified` before they read anything. Each content is verified once.

    :param mode: `enforce`, `warn` (says what it would refuse) or `off`.
    :param recheck: "1h", "15m" or seconds: asks again about what was loaded; one that is revoked by now is logged and told
        `on_revoked`.
    :param trust: as for `verified`.

    It keeps wrong files out. Against hostile code in the process nothing in the process helps: `weighmark exec`.
    """
    global _state
    if mode not in ("enforce", "warn", "off"):
        raise ValueError("mode is enforce, warn or off")
    absolute = {
        name: os.path.abspath(os.fspath(value)) if name in ("key", "certificate_chain", "policy", "trusted_root") else value
        for name, value in trust.items()
    }
    first, previous = _state is None, _state
    _state = State(Trust(**absolute), mode)  # type: ignore[typeddict-item]
    os.environ[ENVIRONMENT] = json.dumps({"mode": mode, **absolute}, default=os.fspath)  # for spawned processes
    if previous is not None:
        previous.close()
    if recheck is not None:
        _recheck_every(_seconds(recheck), _state, on_revoked)
    if not first:
        return
    sys.meta_path.insert(0, Finder())
    for name in [*OPENERS, *RESOLVERS]:
        if name in sys.modules:
            patch(sys.modules[name])
    rebind()
    sys.addaudithook(backstop)
    atexit.register(lambda: _state is not None and _state.close())


def from_environment() -> None:
    """Starts the guard of the process that started this one, or of `WEIGHMARK_GUARD={"key": "anna.pub"}`."""
    said = os.environ.get(ENVIRONMENT)
    if said and _state is None:
        guard(**json.loads(said))


def root_of(path: Path) -> Path | None:
    """The nearest folder upwards that carries a signature, or the file that has its own; a hub snapshot ends the walk."""
    if path.is_file() and any(Path(f"{path}{suffix}").exists() for suffix in (".sig", ".claims.jsonl")):
        return path
    for folder in [path, *path.parents] if path.is_dir() else path.parents:
        if any((folder / name).exists() for name in SIGNATURES) or next(folder.glob("*.oms.sig"), None):
            return folder
        if folder.parent.name == "snapshots":
            return None
    return None


def identity(root: Path) -> tuple[Any, ...]:
    """Changes whenever anything below the root does. Asked at every load: a millisecond for hundreds of files."""
    facts = []
    folders = [] if root.is_file() else [str(root)]
    if not folders:
        facts.append(_stamp(str(root), os.stat(root)))
    for folder in folders:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                else:
                    facts.append(_stamp(entry.path, entry.stat()))
    return (str(root), *sorted(facts))


def _stamp(path: str, one: os.stat_result) -> tuple[Any, ...]:
    return (path, one.st_dev, one.st_ino, one.st_size, one.st_mtime_ns, one.st_ctime_ns)


def redirect(value: Any) -> Any:
    """A path → the same path in the verified copy. What is no path (content, a stream, a name at a hub) stays."""
    state = _state
    if state is None or state.mode == "off" or not isinstance(value, (str, bytes, os.PathLike)):
        return value
    if isinstance(value, bytes) and len(value) > LONGEST_PATH:
        return value
    text = os.path.abspath(os.fsdecode(value))
    if not os.path.exists(text) or is_verified(text):
        return value
    try:
        return _copied(Path(text), state)
    except NotVerified as error:
        log.error("refused: %s", error)
        if state.mode == "enforce":
            raise
        warnings.warn(str(error), stacklevel=3)
        return value


def _copied(path: Path, state: State) -> str:
    root = root_of(path)
    if root is None:
        raise NotVerified(str(path), ["nothing-to-verify"], "nobody signed it", 3)
    with _lock:  # one verification per content, whatever the number of threads
        who = identity(root)
        if who not in state.paths:
            links = {"allow_symlinks": True} if root.parent.name == "snapshots" else {}
            copy = Verified(root, Trust(**{**state.trust, **links}))  # type: ignore[typeddict-item]
            state.paths[who] = copy.open()
            state.copies[who] = copy
            state.roots.add(str(root))
        inside = state.paths[who] / path.relative_to(root)
    if not inside.exists():
        raise NotVerified(str(path), ["file-unsigned"], "it is no part of what was signed")
    return str(inside)


def _replaced(args: tuple[Any, ...], kwargs: dict[str, Any], place: tuple[int, str]) -> tuple[Any, ...]:
    index, name = place
    if name in kwargs:
        kwargs[name] = redirect(kwargs[name])
    elif len(args) > index:
        return (*args[:index], redirect(args[index]), *args[index + 1 :])
    return args


def opener(original: Any, place: tuple[int, str]) -> Any:
    @functools.wraps(original, updated=())
    def guarded(*args: Any, **kwargs: Any) -> Any:
        return original(*_replaced(args, kwargs, place), **kwargs)

    guarded.__weighmark__ = original  # type: ignore[attr-defined]
    return guarded


def guard_class(original: Any, place: tuple[int, str]) -> None:
    """Classes stay classes, for isinstance and for those that inherit."""
    first = original.__init__

    @functools.wraps(first)
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        first(self, *_replaced(args, kwargs, place), **kwargs)

    original.__init__ = __init__
    original.__weighmark__ = first


def resolver(original: Any) -> Any:
    @functools.wraps(original)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        answer = original(*args, **kwargs)
        return [redirect(one) for one in answer] if isinstance(answer, list) else redirect(answer)

    guarded.__weighmark__ = original  # type: ignore[attr-defined]
    return guarded


_stands_for: dict[int, tuple[Any, Any]] = {}


def replace(owner: Any, name: str, original: Any, new: Any) -> None:
    setattr(owner, name, new)
    _stands_for[id(original)] = (original, getattr(owner, name))


def patch(module: Any) -> None:
    for dotted, place in OPENERS.get(module.__name__, {}).items():
        *owners, name = dotted.split(".")
        owner = functools.reduce(getattr, owners, module)
        original = getattr(owner, name, None)
        if original is None or hasattr(original, "__weighmark__"):
            continue
        if isinstance(vars(owner).get(name), classmethod):
            made = opener(original.__func__, (place[0] + 1, place[1]))
            setattr(owner, name, classmethod(made))
        elif isinstance(original, type) and isinstance(vars(original).get("__init__"), types.FunctionType):
            guard_class(original, place)
        else:
            made = opener(original, place)
            replace(owner, name, original, staticmethod(made) if owners else made)
    for name in RESOLVERS.get(module.__name__, []):
        original = getattr(module, name, None)
        if original is not None and not hasattr(original, "__weighmark__"):
            replace(module, name, original, resolver(original))


def rebind() -> None:
    """For who said `from safetensors import safe_open` before the guard: one walk, which wakes no lazy module."""
    for module in list(sys.modules.values()):
        names = getattr(module, "__dict__", None)
        if type(names) is not dict:
            continue
        for key, value in list(names.items()):
            if id(value) in _stands_for and _stands_for[id(value)][0] is value:
                names[key] = _stands_for[id(value)][1]


class Finder(importlib.abc.MetaPathFinder):
    """Patches a module right after it ran, before anybody can import from it."""

    def __init__(self) -> None:
        self.busy = threading.local()

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if (name not in OPENERS and name not in RESOLVERS) or getattr(self.busy, name, False):
            return None
        setattr(self.busy, name, True)
        try:
            spec = importlib.util.find_spec(name)
        finally:
            setattr(self.busy, name, False)
        if spec is None or spec.loader is None:
            return None
        run = spec.loader.exec_module

        def exec_module(module: Any) -> None:
            run(module)
            patch(module)
            rebind()

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def backstop(event: str, args: tuple[Any, ...]) -> None:
    if event != "open":
        return
    state = _state
    if state is None or state.mode == "off" or getattr(own_work, "active", False):
        return
    path, _, flags = args
    if not isinstance(path, (str, bytes)) or (isinstance(flags, int) and flags & WRITES):
        return
    path = os.fsdecode(path)
    if not path.endswith(MODEL_SUFFIXES):
        return
    path = os.path.abspath(path)
    if is_verified(path) or not os.path.exists(path) or _is_python_path_file(path):
        return
    error = NotVerified(path, ["unguarded-open"], "it was about to be read without verification")
    log.error("refused: %s", error)
    if state.mode == "enforce":
        raise error
    warnings.warn(str(error), stacklevel=2)


def _is_python_path_file(path: str) -> bool:
    """`.pth` is also what Python itself reads, from the folders it imports from."""
    folder = os.path.dirname(path)
    return path.endswith(".pth") and (folder in sys.path or os.path.basename(folder) in ("site-packages", "dist-packages"))


def _seconds(text: str | float) -> float:
    if isinstance(text, (int, float)):
        return float(text)
    found = re.fullmatch(r"(\d+)([smhd])", text)
    if found is None:
        raise ValueError('recheck is "15m", "1h", "1d" or seconds')
    return int(found[1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[found[2]]


def _recheck_every(seconds: float, state: State, on_revoked: Callable[[NotVerified], None] | None) -> None:
    done = threading.Event()
    atexit.register(done.set)

    def run() -> None:
        while not done.wait(seconds) and _state is state:
            for root in sorted(state.roots):
                recheck(root, state.trust, on_revoked)

    threading.Thread(target=run, name="weighmark-recheck", daemon=True).start()


def recheck(root: str, trust: Trust, on_revoked: Callable[[NotVerified], None] | None) -> None:
    """Only a "no" of authority counts: the original's bytes are not what was loaded. What cannot be asked is logged."""
    try:
        verdict = verify(root, **trust)
    except NotVerified as error:
        return log.warning("cannot ask again: %s", error)
    if verdict.ok:
        return None
    if not REVOKED & {each.code for each in verdict.findings}:
        return log.warning("cannot ask again: %s", NotVerified.by(verdict))
    error = NotVerified.by(verdict)
    log.critical("what this process loaded is not allowed any more: %s", error)
    return None if on_revoked is None else on_revoked(error)
