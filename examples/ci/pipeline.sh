#!/usr/bin/env bash
# train → seal → push → promote → deploy-side verify, in plain shell: what the CI examples run, and what a laptop can.
#
# Needs: weighmark on PATH; MODEL (folder the training wrote), DATASET (folder it read), NAME, VERSION; WEIGHMARK_REGISTRY.
# SOURCE: where it came from, a URI, if that is to be signed too.
# SIGN: how to sign, `--keyless` on a CI system with workload identity, or `--key FILE`.
set -euo pipefail
: "${MODEL:?}" "${DATASET:?}" "${NAME:?}" "${VERSION:?}" "${WEIGHMARK_REGISTRY:?}" "${POLICY:?}"
read -ra sign <<< "${SIGN:---keyless}"
stage=${1:-all}

# 1. What the training wrote is scanned, described and signed before it leaves the machine that made it.
seal() {
  weighmark seal "$MODEL" --name "$NAME:$VERSION" --step train --input "dataset=$DATASET" ${SOURCE:+--source "$SOURCE"} "${sign[@]}"
  weighmark push "$MODEL" "$NAME:$VERSION"
}

# 2. Promotion verifies everything the policy asks for; refused, nothing changes.
promote() {
  weighmark promote "$NAME:$VERSION" --env "${ENVIRONMENT:-staging}" --policy "$POLICY" "${sign[@]}"
}

# 3. The machine that serves pulls only what is promoted there; nothing appears at the target until it is verified. On a
# machine without memory of the log the policy names witnesses (log.witnesses), or --min-checkpoint is given.
deploy() {
  weighmark pull "$NAME:$VERSION" "${TARGET:-./served}" --env "${ENVIRONMENT:-staging}" --policy "$POLICY"
}

case $stage in
  seal | promote | deploy) "$stage" ;;
  all) seal && promote && deploy ;;
  *) echo "usage: pipeline.sh [seal|promote|deploy|all]" >&2; exit 2 ;;
esac
