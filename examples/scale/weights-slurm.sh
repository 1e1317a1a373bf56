#!/bin/bash
# Seals weights that a Slurm cluster hashed: weights-slurm.sh WEIGHTS PARTS WORKERS [OPTION OF SEAL]...
# WEIGHTS and PARTS are folders that all nodes see under one path. Two jobs: an array of workers, and the seal when all are done, once,
# where the key is. A worker that is killed and requeued, or runs twice, changes nothing.
set -euo pipefail
mkdir -p "$2"
weights=$(realpath "$1") parts=$(realpath "$2") workers=$3
export DIGESTS='--algorithm sha256 --algorithm blake3'
array=$(sbatch --parsable --requeue --job-name=hash --array="1-$workers" --output=/dev/null \
  "$(dirname "$0")/weights-worker.sh" "$weights" "$parts")
printf -v seal '%q ' "${WEIGHMARK:-weighmark}" seal "$weights" --from-parts "$parts" "${@:4}"
sbatch --parsable --job-name=seal --dependency="afterok:$array" --output="$parts.log" --wrap="$seal"
