#!/bin/bash
# The roots of a dataset by a Slurm cluster: slurm.sh DATASET WORK [PART_SIZE]
# DATASET and WORK are folders that all nodes see under one path, and `weighmark` is on their PATH. Three jobs: an array of parts,
# an array of shares when all parts are there, the end when all shares are. A task that Slurm requeues changes nothing.
set -euo pipefail
dataset=$(realpath "$1")
work=$2
size=${3:-256MB}
mkdir -p "$work"
work=$(realpath "$work")
plan=$(weighmark dataset plan "$dataset" "$work" --part-size "$size" --json)
last=$(($(sed -n 's/.*"parts": *\([0-9]*\).*/\1/p' <<< "$plan") - 1))

submit() { # submit NAME OPTIONS... -- WORDS...: the number of a job that runs `weighmark dataset WORDS`
  local name=$1 options=()
  shift
  while [ "$1" != -- ]; do options+=("$1"); shift; done
  shift
  sbatch --parsable --requeue --open-mode=append --job-name="weighmark-$name" --output="$work/$name-%a.log" "${options[@]}" \
    --wrap "exec weighmark dataset $(printf '%q ' "${@:1:$#-1}")${!#}"
}
parts=$(submit part --array="0-$last" -- part "$dataset" "$work" '$SLURM_ARRAY_TASK_ID')
shares=$(submit reduce --array="0-$last" --dependency="afterok:$parts" -- reduce "$work" '$SLURM_ARRAY_TASK_ID')
merge=$(submit merge --dependency="afterok:$shares" -- merge "$dataset" "$(printf '%q' "$work")")
echo "jobs $parts, $shares, $merge: the roots will stand beside $dataset; \`squeue\` shows how far it is"
