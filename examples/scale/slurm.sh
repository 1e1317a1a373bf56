#!/bin/bash
# The roots of a dataset by a Slurm cluster: slurm.sh DATASET WORK [PART_SIZE]
# DATASET and WORK are folders that all nodes see under one path, and `weighmark` is on their PATH. Three jobs: an array of parts,
# an array of shares when all parts are there, the end when all shares are. A task that is killed and requeued changes nothing.
set -euo pipefail
mkdir -p "$2"
DATASET=$(realpath "$1") WORK=$(realpath "$2")
export DATASET WORK
plan=$(weighmark dataset plan "$DATASET" "$WORK" --part-size "${3:-256MB}" --json)
last=$(($(sed -n 's/.*"parts": *\([0-9]*\).*/\1/p' <<< "$plan") - 1))

submit() { # submit NAME COMMAND OPTIONS...: prints the job's number
  sbatch --parsable --requeue --job-name="$1" --output="$WORK/%x-%j.log" --wrap="exec weighmark dataset $2" "${@:3}"
}
parts=$(submit part 'part "$DATASET" "$WORK" "$SLURM_ARRAY_TASK_ID"' --array="0-$last")
shares=$(submit reduce 'reduce "$WORK" "$SLURM_ARRAY_TASK_ID"' --array="0-$last" --dependency="afterok:$parts")
merge=$(submit merge 'merge "$DATASET" "$WORK"' --dependency="afterok:$shares")
echo "jobs $parts, $shares, $merge: the roots will stand beside $DATASET"
