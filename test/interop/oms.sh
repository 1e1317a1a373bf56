#!/bin/sh
# Both directions between weighmark and model_signing (PyPI), with keys and certificates.
# Needs Python 3 with venv, and PyPI; what is installed stays outside the clone. Without them the stage fails, unless
# WEIGHMARK_CI_OPTIONAL=1.
set -eu
here=$(cd "$(dirname "$0")/../.." && pwd)
tools=${WEIGHMARK_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/weighmark}
PATH=$here/node_modules/.bin:$PATH
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

missing() {
  echo "oms interop: $1"
  [ "${WEIGHMARK_CI_OPTIONAL:-}" = 1 ] && exit 0
  exit 1
}

python=$tools/python-oms/bin/python
if [ ! -x "$tools/python-oms/bin/model_signing" ]; then
  command -v python3 >/dev/null || missing 'no python3'
  mkdir -p "$tools"
  python3 -m venv "$tools/python-oms" || missing 'python3 has no venv'
  # model-signing 1.1.1 imports OpenSSL without saying that it needs it.
  "$python" -m pip install --quiet model-signing==1.1.1 pyOpenSSL || missing 'model-signing could not be installed from PyPI'
fi
ms() { "$tools/python-oms/bin/model_signing" "$@" >"$work/log" 2>&1; }
wm() { XDG_CONFIG_HOME=$work/config XDG_STATE_HOME=$work/state node "$here/bin/weighmark.js" "$@" >"$work/log" 2>&1; }
passed=0
ok() { what=$1; shift; if "$@"; then passed=$((passed + 1)); echo "ok      $what"; else echo "NOT OK  $what"; cat "$work/log"; exit 1; fi; }
no() { what=$1; shift; if "$@"; then echo "NOT OK  $what (accepted)"; exit 1; else passed=$((passed + 1)); echo "ok      $what"; fi; }

cd "$work"
mkdir -p model/sub
printf '{"model_type":"tiny"}\n' >model/config.json
head -c 100000 /dev/urandom >model/weights.bin
printf 'a\n' >model/sub/a-b.txt
printf 'b\n' >model/sub-c.txt
: >model/empty.txt
printf 'one file' >one.bin

for curve in prime256v1 secp384r1 secp521r1; do
  openssl ecparam -name $curve -genkey -noout -out $curve.key 2>/dev/null
  openssl ec -in $curve.key -pubout -out $curve.pub 2>/dev/null
  ok "ours, $curve key, model_signing verifies" wm sign model --key $curve.key --signature ours-$curve.sig
  ok "  its verdict" ms verify key model --signature ours-$curve.sig --public_key $curve.pub
  ok "theirs, $curve key" ms sign key model --signature theirs-$curve.sig --private_key $curve.key
  ok "  our verdict" wm verify model --signature theirs-$curve.sig --key $curve.pub
done
no 'theirs under another key is refused here' wm verify model --signature theirs-prime256v1.sig --key secp384r1.pub
no 'ours under another key is refused there' ms verify key model --signature ours-prime256v1.sig --public_key secp384r1.pub

ok 'ours, one file' wm sign one.bin --key prime256v1.key
ok '  its verdict' ms verify key one.bin --signature one.bin.sig --public_key prime256v1.pub
ok 'theirs, one file' ms sign key one.bin --signature theirs-one.sig --private_key prime256v1.key
ok '  our verdict' wm verify one.bin --signature theirs-one.sig --key prime256v1.pub

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-384 -nodes -keyout root.key -out root.pem -days 30 -subj /CN=interop-root \
  -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign 2>/dev/null
printf 'basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=codeSigning\nsubjectAltName=email:build@acme.example\n' >leaf.ext
openssl req -new -key prime256v1.key -out leaf.csr -subj /CN=builder 2>/dev/null
openssl x509 -req -in leaf.csr -CA root.pem -CAkey root.key -CAcreateserial -days 30 -extfile leaf.ext -out leaf.pem 2>/dev/null
ok 'ours, certificate' wm sign model --key prime256v1.key --certificate-chain leaf.pem --signature ours-cert.sig
ok '  its verdict' ms verify certificate model --signature ours-cert.sig --certificate_chain root.pem
ok 'theirs, certificate' ms sign certificate model --signature theirs-cert.sig --private_key prime256v1.key --signing_certificate leaf.pem --certificate_chain root.pem
ok '  our verdict' wm verify model --signature theirs-cert.sig --certificate-chain root.pem
ok '  with the identity named' wm verify model --signature theirs-cert.sig --certificate-chain root.pem --identity build@acme.example
no '  another identity is refused' wm verify model --signature theirs-cert.sig --certificate-chain root.pem --identity evil@acme.example

ok 'a seal' wm seal model --key prime256v1.key --name acme/interop:1
ok '  its verdict, sidecars and all' ms verify key model --signature model/model.sig --public_key prime256v1.pub
printf x >>model/weights.bin
no '  a changed byte is refused there' ms verify key model --signature model/model.sig --public_key prime256v1.pub
no '  and here' wm verify model --key prime256v1.pub

# Bundles changed in one place each, outside the signature and inside it: none that it refuses is accepted here.
mkdir differential
node "$here/test/interop/differential/model-signing.ts" make differential
"$python" "$here/test/interop/differential/model_signing_verdicts.py" differential >"$work/log" 2>&1
node "$here/test/interop/differential/model-signing.ts" compare differential
echo "oms interop: $passed checks, model_signing $("$tools/python-oms/bin/model_signing" --version | sed 's/.* //')"
