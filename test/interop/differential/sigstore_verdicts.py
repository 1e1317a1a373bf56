"""What sigstore-python accepts of the bundles and trusted roots that sigstore.ts made: a list of verdicts, in their order."""
import json, pathlib, sys
from sigstore.models import Bundle, TrustedRoot
from sigstore.verify import Verifier, policy

folder = pathlib.Path(sys.argv[1])
names = json.loads((folder / "cases.json").read_text())
anna = policy.Identity(identity="anna@example.com", issuer="https://issuer.example")


def accepts(index):
    try:
        verifier = Verifier(trusted_root=TrustedRoot.from_file(str(folder / "roots" / f"{index}.json")))
        bundle = Bundle.from_json((folder / "bundles" / f"{index}.sig").read_bytes())
        kind, _payload = verifier.verify_dsse(bundle, anna)
        return kind == "application/vnd.in-toto+json"
    except BaseException:  # whatever it raises is a refusal
        return False


(folder / "theirs.json").write_text(json.dumps([accepts(index) for index in range(len(names))]))
