#!/bin/bash
# What `dataset describe` writes, read by mlcroissant (PyPI): valid in both versions, the records are those of the file, and a file
# that changed is refused by its digest.
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
echo "croissant: $passed passed, $failed failed"
[ "$failed" = 0 ]
