"""A cache and a local folder as huggingface_hub itself makes them, downloaded from a hub on the loopback: hub_cache.py HOME."""
import hashlib
import http.server
import json
import os
import sys
import threading

home = sys.argv[1]
COMMIT = "060db6499f32faf8b98477b0a26969ef7d8b9987"
HEADER = json.dumps({"w": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}}).encode()
FILES = {
    "config.json": b'{"model_type":"bert"}',
    "model.safetensors": len(HEADER).to_bytes(8, "little") + HEADER + bytes(16),
}


def is_lfs(name):
    return name.endswith(".safetensors")


def etag(name):
    """SHA-256 of what the Hub keeps in LFS, else git's blob SHA-1."""
    data = FILES[name]
    return hashlib.sha256(data).hexdigest() if is_lfs(name) else hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def listed(name):
    entry = {"type": "file", "path": name, "size": len(FILES[name]), "oid": "0" * 40 if is_lfs(name) else etag(name)}
    lfs = {"lfs": {"oid": etag(name), "size": len(FILES[name]), "pointerSize": 134}}
    return {**entry, **lfs} if is_lfs(name) else entry


class Hub(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.answer(with_body=False)

    def do_GET(self):
        self.answer(with_body=True)

    def answer(self, with_body):
        name = self.path.split("/")[-1].split("?")[0]
        headers, status, data = {}, 200, b""
        if "/api/models/" in self.path and "/tree/" in self.path:
            data = json.dumps([listed(each) for each in FILES]).encode()
        elif "/api/models/" in self.path:
            about = {"_id": "1", "id": "acme/enc", "sha": COMMIT, "private": False, "tags": [], "downloads": 0, "likes": 0}
            data = json.dumps({**about, "siblings": [{"rfilename": each} for each in FILES]}).encode()
        elif name in FILES:
            data, headers = FILES[name], {"etag": f'"{etag(name)}"', "x-repo-commit": COMMIT}
            if is_lfs(name):
                headers |= {"x-linked-etag": f'"{etag(name)}"', "x-linked-size": str(len(data))}
        else:
            status = 404
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        if with_body:
            self.wfile.write(data)


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
threading.Thread(target=server.serve_forever, daemon=True).start()
os.environ["HF_HOME"] = f"{home}/.cache/huggingface"
os.environ["HF_ENDPOINT"] = f"http://127.0.0.1:{server.server_port}"

from huggingface_hub import snapshot_download  # noqa: E402  (it reads its environment when it is imported)

snapshot_download("acme/enc")
snapshot_download("acme/enc", local_dir=f"{home}/local")
