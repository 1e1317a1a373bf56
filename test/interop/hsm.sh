#!/bin/bash
# A key that never leaves a PKCS #11 token signs by examples/hsm/pkcs11-sign.sh: SoftHSM and OpenSC's pkcs11-tool, for real.
# Takes softhsm2 and opensc from apt where it may; without them it is skipped with a word, unless WEIGHMARK_HSM=required.
source "$(dirname "$0")/stage.sh"
missing() { for tool in softhsm2-util pkcs11-tool openssl; do command -v "$tool" >/dev/null || echo "$tool"; done; }
if [ -n "$(missing)" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq softhsm2 opensc; } >"$work/apt.log" 2>&1 || tail -3 "$work/apt.log"
fi
module=$(ls /usr/lib/softhsm/libsofthsm2.so /usr/lib/*/softhsm/libsofthsm2.so /usr/lib64/*/libsofthsm2.so 2>/dev/null | head -1 || true)
if [ -n "$(missing)" ] || [ -z "$module" ]; then
  echo "hsm: SKIPPED: no $(missing | tr '\n' ' ')here, and it could not be installed"
  [ "${WEIGHMARK_HSM:-}" = required ] && exit 1
  exit 0
fi

cd "$work"
export HOME="$work" XDG_CONFIG_HOME="$work/config" SOFTHSM2_CONF="$work/softhsm2.conf" WEIGHMARK_PIN=1234
mkdir tokens model
printf 'directories.tokendir = %s/tokens\nobjectstore.backend = file\nlog.level = ERROR\n' "$work" > softhsm2.conf
softhsm2-util --init-token --free --label release --so-pin 5678 --pin "$WEIGHMARK_PIN" >/dev/null
token=(pkcs11-tool --module "$module" --token-label release)
# OpenSC 0.23 writes public keys on P-256 only; the others are put together from the point it shows (RFC 5480 section 2).
spki() { node -e 'const [head, shown] = process.argv.slice(1); process.stdout.write(Buffer.from(head + shown.replace(/^04(?:81)?../, ""), "hex"))' "$1" "$2"; }
for pair in 01:prime256v1: 02:secp384r1:3076301006072a8648ce3d020106052b81040022036200 03:secp521r1:30819b301006072a8648ce3d020106052b8104002303818600; do
  IFS=: read -r id curve head <<<"$pair"
  made=$("${token[@]}" --login --pin env:WEIGHMARK_PIN --keypairgen --key-type "EC:$curve" --id "$id" --label "$curve" 2>&1)
  if [ -z "$head" ]; then "${token[@]}" --read-object --type pubkey --id "$id" -o "$curve.pub" >/dev/null 2>&1
  else spki "$head" "$(sed -n 's/^ *EC_POINT: *//p' <<<"$made" | tail -1)" > "$curve.pub"; fi
done
echo weights > model/weights.bin
echo '# model' > model/README.md
weighmark() { node "$root/bin/weighmark.js" "$@"; }
refuses() { local code=$1 words=$2; shift 2; local said; said=$("$@" 2>&1) && return 1; [ $? = "$code" ] || { echo "$said"; return 1; }; grep -q "$words" <<<"$said" || { echo "$said"; return 1; }; }
signer() { echo "exec:$root/examples/hsm/pkcs11-sign.sh $module release $1 $2"; }

for pair in 01:prime256v1:sha256 02:secp384r1:sha384 03:secp521r1:sha512; do
  IFS=: read -r id curve hash <<<"$pair"
  rm -rf "m-$curve" && cp -r model "m-$curve"
  check "$curve: a key in the token seals" weighmark seal "m-$curve" --key "$(signer "$id" "$hash")" --public-key "$curve.pub"
  check "$curve: the seal verifies by the public key, as the token wrote it" weighmark verify "m-$curve" --key "$curve.pub"
done
check 'another public key than the one that signs is found at once' \
  refuses 2 'not by the public key' weighmark sign model --key "$(signer 01 sha384)" --public-key secp384r1.pub
check 'a wrong PIN is the token’s no, with its words' \
  refuses 2 'did not sign' env WEIGHMARK_PIN=9999 node "$root/bin/weighmark.js" sign model --key "$(signer 01 sha256)" --public-key prime256v1.pub
check 'nothing was written by what failed' test ! -e model/model.sig
mkdir -p config/weighmark
printf 'key: "%s"\npublic-key: %s\n' "$(signer 01 sha256)" "$work/prime256v1.pub" > config/weighmark/config.yaml
check 'the user’s configuration names it once for all' weighmark sign model
check 'that verifies too' weighmark verify model --key prime256v1.pub
printf 'key: "exec:touch %s/ran"\n' "$work" > model/weighmark.yaml
check 'a project’s configuration names no program' refuses 2 'belongs in the user' \
  bash -c "cd model && node '$root/bin/weighmark.js' trust allow && node '$root/bin/weighmark.js' sign ../m-secp384r1"
check 'and none was run' test ! -e ran
echo "hsm: $passed passed, $failed failed"
[ "$failed" = 0 ]
