#!/bin/bash
# Images of scikit-image and scikit-learn (PyPI) as a folder, and packed by webdataset's own TarWriter: a record for each sample that
# webdataset reads, with the BLAKE3 of what it reads; roots that the independent verifier computes; one moved, changed, added image named.
source "$(dirname "$0")/stage.sh"
mkdir -p "$cache"
python="$cache/media/bin/python"
[ -x "$python" ] || {
  python3 -m venv "$cache/media"
  "$python" -m pip install -q 'webdataset==1.0.2' 'scikit-image==0.26.0' 'scikit-learn==1.9.1' 'blake3==1.0.11'
}
export XDG_CACHE_HOME="$work/home/.cache"
weighmark() { node "$root/bin/weighmark.js" "$@"; }
cd "$work"
"$python" - <<'PY'
import glob, os, shutil, skimage, sklearn, webdataset
found = [(name, path) for name, module in (('skimage', skimage), ('sklearn', sklearn))
         for path in sorted(glob.glob(os.path.dirname(module.__file__) + '/**/*.*', recursive=True))
         if path.rsplit('.', 1)[1].lower() in ('jpg', 'png', 'gif', 'tif', 'tiff')]
assert len(found) >= 5, found
for at, (label, path) in enumerate(found):
    os.makedirs('folder/' + label, exist_ok=True)
    shutil.copy(path, 'folder/%s/%s' % (label, os.path.basename(path)))
with webdataset.TarWriter('shard.tar') as writer:
    for at, (label, path) in enumerate(found):
        ending = path.rsplit('.', 1)[1]
        writer.write({'__key__': '%s/%06d' % (label, at), ending: open(path, 'rb').read(), 'cls': at % 7, 'meta.json': {'of': label}})
PY
cat > twice.py <<'PY'
"""What webdataset reads of a tar, as the records that are to be proven."""
import json, sys, webdataset
from blake3 import blake3
for sample in webdataset.WebDataset(sys.argv[1], shardshuffle=False):
    fields = {name: blake3(value).hexdigest() for name, value in sample.items() if not name.startswith('__')}
    print(json.dumps({'__key__': sample['__key__'], **fields}))
PY
"$python" twice.py shard.tar > samples.jsonl
count=$(wc -l < samples.jsonl)
roots_of() { sed -n 2p "$1" | python3 -c 'import json,sys; r=json.load(sys.stdin); print(r["records"], r["ordered"], r["set"])'; }
same_roots() { # same_roots PATH ROOTS READING: as the independent verifier has them
  [ "$(python3 "$root/fixtures/records/verify.py" "$1" "$3")" = "$(roots_of "$2")" ]
}
each_proven() { # every sample that webdataset reads is proven to be there
  local line
  while read -r line; do
    weighmark dataset prove shard.tar --record "$line" -o one.proof 2> proven.txt < /dev/null
    weighmark dataset check one.proof --roots shard.tar --record "$line" < /dev/null | grep -q '^PROVEN: the record is in the dataset once' || { cat proven.txt; return 1; }
  done < samples.jsonl
}
digests() { # of every image, as b3sum's library has it
  "$python" -c 'import sys; from blake3 import blake3
for path in sys.argv[1:]: print(blake3(open(path, "rb").read()).hexdigest())' "$@"
}
folder_proven() {
  local path
  while read -r path; do
    local record; record="{\"path\":\"$path\",\"label\":\"${path%%/*}\",\"bytes\":\"$(digests "folder/$path")\"}"
    weighmark dataset prove folder --record "$record" 2>&1 >/dev/null | grep -q 'is in the dataset once' || return 1
  done < <(cd folder && find . -name '*.*g' -size +0 | sed 's|^\./||' | sort | head -n 8)
}
changed() { weighmark dataset diff folder later --key path --show > diff.txt; grep -q '^changed    1$' diff.txt && grep -q "bytes" diff.txt; }
moved() { weighmark dataset diff folder later > diff.txt; cat diff.txt; grep -q "$(find folder -type f -not -path '*/.weighmark/*' | wc -l) in both" diff.txt; }
weighmark dataset index shard.tar -q
weighmark dataset index folder -q
check "as many records as webdataset reads samples ($count)" [ "$(roots_of shard.tar.weighmark/records | cut -d' ' -f1)" = "$count" ]
check 'the tar: roots of the independent verifier' same_roots shard.tar shard.tar.weighmark/records '{"format":"webdataset"}'
check 'every sample that webdataset reads is proven' each_proven
check 'images of the folder are proven by their BLAKE3' folder_proven
cp -r folder later && rm -r later/.weighmark
one=$(cd later && find . -name '*.png' | sort | head -n 1)
printf x >> "later/$one"
weighmark dataset index later -q
check 'a changed image is named' changed
cp "folder/$one" "later/$one"
mv "later/$one" "later/$(dirname "$one")/zz.png"
for set in folder later; do weighmark dataset index "$set" --by content -q; done
check 'by content, a moved image is the same record' moved
echo "media: $passed passed, $failed failed"
[ "$failed" = 0 ]
