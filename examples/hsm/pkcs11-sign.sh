#!/bin/sh
# Signs standard input with a key in a PKCS #11 token, for `weighmark seal --key "exec:…"`: ECDSA in DER on standard output.
# The hash is made here, for many tokens sign a digest only; the key is named by its id, for OpenSC 0.23 signs by no label. The PIN
# comes from the environment, never from the command line.
#   WEIGHMARK_PIN=… weighmark seal ./model --public-key signing.pub \
#     --key "exec:/opt/sign/pkcs11-sign.sh /usr/lib/softhsm/libsofthsm2.so TOKEN ID [sha256|sha384|sha512]"
set -eu
openssl dgst -"${4:-sha256}" -binary | pkcs11-tool --module "$1" --token-label "$2" --id "$3" \
  --login --pin env:WEIGHMARK_PIN --sign --mechanism ECDSA --signature-format openssl
