#!/bin/bash
# What `dataset describe` writes, read by mlcroissant (PyPI): valid in both versions, the records are those of the file, and a file
# that changed is refused by its digest. Cards and dataset_info.json are read by datasets: the same types and counts, another count refused.
source "$(dirname "$0")/stage.sh"
mkdir -p "$cache"
python="$cache/mlcroissant/bin/python"
[ -x "$python" ] || { python3 -m venv "$cache/mlcroissant" && "$python" -m pip install -q 'mlcroissant==1.1.1'; }
export XDG_CACHE_HOME="$work/home/.cache"
weighmark() { node "$root/bin/weighmark.js" "$@"; }
count() { # count FILE: how many records mlcroissant reads by a description
  "$python" -c 'import sys, mlcroissant; print(sum(1 for _ in mlcroissant.Dataset(jsonld=sys.argv[1]).records("records")))' "$1"
}
reads() { [ "$(count "$1")" = "$2" ]; }
refuses() { ! count "$1" 2> refusal && cat refusal && grep -qi "sha256\|hash" refusal; }
cd "$work"
printf 'id,name\n1,ann\n2,"b,ob"\n3,\n' > rows.csv
seq 500 | sed 's/.*/{"id":&,"name":"n&","ok":true}/' > rows.jsonl
for file in rows.csv rows.jsonl; do
  weighmark dataset index "$file" -q
  for version in 1.0 1.1; do
    weighmark dataset describe "$file" --croissant "$version" --name rows --description rows --licence CC0-1.0 \
      --url https://acme.example/rows --creator Acme --dataset-version 1.0.0 --date 2026-11-30 -o "$file-$version.json"
    check "$file, Croissant $version: valid" "$cache/mlcroissant/bin/mlcroissant" validate --jsonld "$file-$version.json"
  done
done
check 'CSV: its records are read' reads rows.csv-1.1.json 3
check 'JSON lines: their records are read' reads rows.jsonl-1.0.json 500
printf '{"id":501,"name":"x","ok":true}\n' >> rows.jsonl
check 'a changed file is refused by its digest' refuses rows.jsonl-1.0.json
export HF_HOME="$work/hub" HF_HUB_OFFLINE=1
hub="$cache/datasets/bin/python"
[ -x "$hub" ] || { python3 -m venv "$cache/datasets" && "$hub" -m pip install -q 'datasets==5.2.0'; }
loads() { # loads FOLDER: what datasets reads by the card is what dataset_info.json and the records say
  "$hub" - "$1" << 'PY'
import sys, datasets, huggingface_hub
rows, told = datasets.load_dataset(sys.argv[1]), datasets.DatasetInfo.from_directory(sys.argv[1] + '-info')
card = datasets.DatasetInfo._from_yaml_dict(huggingface_hub.DatasetCard.load(sys.argv[1] + '/README.md').data.dataset_info)
assert card.features == told.features == rows['train'].features, (card.features, told.features, rows['train'].features)
assert {name: split.num_examples for name, split in told.splits.items()} == rows.num_rows == {'train': 3, 'test': 1}, rows.num_rows
PY
}
for kind in jsonl csv; do
  mkdir -p "$kind" "$kind-info"
  if [ "$kind" = csv ]; then
    printf 'id,name,score\n1,ann,1\n2,"b,ob",2.5\n3,,\n' > csv/train.csv && printf 'id,name,score\n4,x,0\n' > csv/test.csv
    weighmark dataset index csv --types id=number,score=number -q
  else
    printf '{"id":%s,"l":[[%s],[]],"s":{"k":[{"x":0.5}]},"none":null}\n' 1 7 2 8 3 9 > jsonl/train-0.jsonl
    printf '{"id":4,"l":[],"s":null,"none":null}\n' > jsonl/test.jsonl
    weighmark dataset index jsonl -q
  fi
  weighmark dataset describe "$kind" --as dataset-info -o "$kind-info/dataset_info.json"
  weighmark dataset describe "$kind" --as card --name rows --licence CC0-1.0 -o "$kind/README.md"
  check "$kind: datasets reads what the card says" loads "$kind"
done
sed -i 's/num_examples: 3/num_examples: 4/' jsonl/README.md
refused() { ! loads jsonl 2> refusal && cat refusal && grep -q NonMatchingSplitsSizes refusal; }
check 'another count is refused by datasets' refused
echo "croissant: $passed passed, $failed failed"
[ "$failed" = 0 ]
