#!/bin/bash
# `bom create --spec spdx-3` read back by SPDX's own Python binding (spdx-python-model), which knows the model's classes, their
# members and cardinalities: models and datasets of several kinds, each with the counts of what must be in it. Needs PyPI.
source "$(dirname "$0")/stage.sh"
mkdir -p "$cache"
python="$cache/spdx/bin/python"
[ -x "$python" ] || { python3 -m venv "$cache/spdx" && "$python" -m pip install -q spdx-python-model==0.0.6; }
cat > "$work/read.py" <<'PY'
import sys
from spdx_python_model import v3_0_1 as spdx
objects = spdx.SHACLObjectSet()
with open(sys.argv[1], "rb") as file:
    spdx.JSONLDDeserializer().read(file, objects)
wanted = dict(pair.split("=") for pair in sys.argv[2:])
found = {name: len(list(objects.foreach_type(getattr(spdx, name)))) for name in wanted}
missing = [o for o in objects.foreach_type(spdx.Relationship) for to in [o.from_, *o.to] if isinstance(to, str)]
assert not missing, f"relationships that lead nowhere: {missing}"
assert {name: str(count) for name, count in found.items()} == wanted, found
for model in objects.foreach_type(spdx.ai_AIPackage):
    assert model.name and model.software_primaryPurpose.endswith("/model"), model
PY
weighmark() { node "$root/bin/weighmark.js" "$@"; }
reads() { weighmark bom create "$1" --spec spdx-3 "${extra[@]}" -o "$work/out.json" && "$python" "$work/read.py" "$work/out.json" "${@:2}"; }
extra=(--layout guide)
mkdir -p "$work/model" "$work/data"
node -e 'const h=Buffer.from(JSON.stringify({w:{dtype:"U8",shape:[4],data_offsets:[0,4]}}).padEnd(64));const n=Buffer.alloc(8);n.writeBigUInt64LE(64n);process.stdout.write(Buffer.concat([n,h,Buffer.from("abcd")]))' > "$work/model/model.safetensors"
printf '{"architectures":["BertModel"],"model_type":"bert"}\n' > "$work/model/config.json"
printf -- '---\nlicense: gemma\nbase_model: acme/base\ndatasets: [acme/rows, acme/more]\npipeline_tag: fill-mask\n---\n# m\n' > "$work/model/README.md"
printf 'a,b\n1,2\n' > "$work/data/rows.csv"
printf -- '---\nlicense: cc0-1.0\n---\n# rows\n' > "$work/data/README.md"
check 'a model: package, base, files, datasets' reads "$work/model" ai_AIPackage=2 software_File=3 dataset_DatasetPackage=2 SpdxDocument=1
extra=(--layout flat)
check 'the same, flat' reads "$work/model" ai_AIPackage=2 software_File=3 dataset_DatasetPackage=2 SpdxDocument=1
extra=(--stated-by 'Anna Example' --supplier Acme --timestamp 2026-11-29T10:00:00Z)
check 'with people and a time' reads "$work/model" Person=1 Organization=1 Tool=1 SoftwareAgent=0
extra=()
check 'a dataset' reads "$work/data" ai_AIPackage=0 dataset_DatasetPackage=1 software_File=2
check 'two runs give the same bytes' bash -c "for n in 1 2; do node '$root/bin/weighmark.js' bom create '$work/model' --spec spdx-3 -o '$work/'\$n.json; done; cmp '$work/1.json' '$work/2.json'"
echo "spdx: $passed passed, $failed failed"
[ "$failed" = 0 ]
