#!/usr/bin/env bash
# Node gives the subject of a certificate without one as `undefined`, where its types promise text. Every certificate that Sigstore
# issues is so: its name stands among the alternative ones alone.
# Seen, and expected still:
#   node v24.21.0
#   subject undefined, issuer undefined, alternative names email:anna@example.com
#   types: subject: string, issuer: string
set -euo pipefail
this=$(realpath "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init --yes >init.log
npm install --silent --no-audit --no-fund 'node@24.21.0' '@types/node@24.0.0' >install.log 2>&1
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out cert.pem -days 1 -subj / \
  -addext 'subjectAltName=critical,email:anna@example.com' 2>openssl.log
cat >finding.mjs <<'JS'
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
const { subject, issuer, subjectAltName } = new X509Certificate(readFileSync('cert.pem'));
const types = readFileSync('node_modules/@types/node/crypto.d.ts', 'utf8');
const typeOf = (name) => new RegExp(`class X509Certificate[^]*?readonly (${name}: [^;]+);`).exec(types)?.[1];
console.log(`node ${process.version}`);
console.log(`subject ${subject}, issuer ${issuer}, alternative names ${subjectAltName}`);
console.log(`types: ${typeOf('subject')}, ${typeOf('issuer')}`);
JS
seen=$(node_modules/.bin/node finding.mjs)
expected=$(sed -n 's/^#   //p' "$this")
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || {
  echo 'this has changed' >&2
  exit 1
}
