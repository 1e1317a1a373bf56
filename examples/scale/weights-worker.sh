#!/bin/sh
# One worker of many: hashes its share of WHAT into PARTS/<number>. Number and count are those of a Slurm job array or of a
# Kubernetes Indexed Job (set WORKERS to its `completions`). A share that is there already is not computed again; one that was
# stopped left nothing. DIGESTS are options of `hash`: what is to be sealed needs both algorithms.
#
#   sbatch --array=1-8 weights-worker.sh /models/big /shared/parts       then, with --dependency=afterok:
#   weighmark hash --join /shared/parts/*
#
# weights-slurm.sh and indexed-job.yaml go on to `weighmark seal --from-parts`.
set -eu
what=$1
parts=$2
if [ -n "${SLURM_ARRAY_TASK_ID:-}" ]; then
  number=$((SLURM_ARRAY_TASK_ID - SLURM_ARRAY_TASK_MIN + 1))
  count=$SLURM_ARRAY_TASK_COUNT
else
  number=$((JOB_COMPLETION_INDEX + 1))
  count=$WORKERS
fi
mkdir -p "$parts"
if [ -e "$parts/$number" ]; then exit 0; fi
exec ${WEIGHMARK:-weighmark} hash "$what" ${DIGESTS:-} --part "$number/$count" -o "$parts/$number"
