"""Stores as their own libraries fill them: make_stores.py STORE HOME. One small model each; a loopback server where one is asked."""
import base64
import hashlib
import http.server
import json
import os
import sys
import threading

store, home = sys.argv[1:]
os.makedirs(f"{home}/work", exist_ok=True)
os.chdir(f"{home}/work")
os.environ |= {"WANDB_MODE": "offline", "WANDB_SILENT": "true", "MLFLOW_ALLOW_FILE_STORE": "true"}
HEADER = json.dumps({"w": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}}).encode()
FILES = {
    "config.json": b'{"model_type":"bert"}',
    "model.safetensors": len(HEADER).to_bytes(8, "little") + HEADER + bytes(16),
}


ECHO = """import mlflow
from mlflow.pyfunc import PythonModel


class Echo(PythonModel):
    def predict(self, context, model_input, params=None):
        return model_input


mlflow.models.set_model(Echo())
"""


def write(folder):
    os.makedirs(folder, exist_ok=True)
    for name, data in FILES.items():
        with open(f"{folder}/{name}", "wb") as file:
            file.write(data)


def mlflow_registry():
    """A run with a model of its own, in a store of files and under a name in its registry."""
    import mlflow
    import mlflow.pyfunc

    write(".")
    with open("echo.py", "w") as file:
        file.write(ECHO)
    mlflow.set_tracking_uri(f"file:{home}/work/mlruns")
    mlflow.set_registry_uri(f"file:{home}/work/mlruns")
    with mlflow.start_run():
        mlflow.pyfunc.log_model(
            name="model",
            python_model="echo.py",
            artifacts={"weights": "model.safetensors"},
            registered_model_name="clf",
            pip_requirements=["mlflow"],
        )


def wandb_cache():
    """The cache that `use_artifact(...).download()` fills, by its own code: objects by MD5."""
    from wandb.sdk.artifacts.artifact_file_cache import get_artifact_file_cache

    for data in FILES.values():
        digest = base64.b64encode(hashlib.md5(data).digest()).decode()
        _, _, opener = get_artifact_file_cache().check_digest_obj_path(digest, len(data))
        with opener("wb") as file:
            file.write(data)


def kaggle_cache():
    """What `model_download` leaves: the place and the mark of completeness are of kagglehub's own cache module."""
    from kagglehub.cache import Cache
    from kagglehub.handle import parse_model_handle

    handle = parse_model_handle("acme/enc/pyTorch/base/1")
    write(Cache().get_path(handle))
    Cache().mark_as_complete(handle)


class Hub(http.server.BaseHTTPRequestHandler):
    """As much of ModelScope's hub as `snapshot_download` asks."""

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.answer(with_body=False)

    def do_GET(self):
        self.answer(with_body=True)

    def answer(self, with_body):
        named = [data for name, data in FILES.items() if f"FilePath={name}" in self.path]
        data = named[0] if named else json.dumps({"Code": 200, "Success": True, "Data": self.about()}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        if with_body:
            self.wfile.write(data)

    def about(self):
        if "/revisions" in self.path:
            return {"RevisionMap": {"Branches": [{"Revision": "master", "CreatedAt": 1}], "Tags": []}}
        if "/repo/files" in self.path:
            files = [
                {"Name": name, "Path": name, "Type": "blob", "Size": len(data), "Revision": "0" * 40, "CommittedDate": 1}
                | {"Sha256": hashlib.sha256(data).hexdigest(), "IsLFS": name.endswith(".safetensors")}
                for name, data in FILES.items()
            ]
            return {"Files": files, "LatestCommitter": {"Id": "0" * 40}}
        return {"Name": "enc", "Path": "acme", "Revision": "master"}


def modelscope_cache():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    from modelscope import snapshot_download

    snapshot_download("acme/enc", endpoint=f"http://127.0.0.1:{server.server_port}")


{"mlflow": mlflow_registry, "wandb": wandb_cache, "kaggle": kaggle_cache, "modelscope": modelscope_cache}[store]()
