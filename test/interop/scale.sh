#!/bin/bash
# The drivers of examples/scale by the real engines on one host: Spark (local-cluster) and Ray from PyPI, Slurm if its programs are
# installed (`apt-get install slurm-wlm munge`) and this is root. In each one task is killed while it writes and one runs twice at
# once; the roots must be the one-machine's, to the byte; by Ray also those of one Parquet file, by its row groups. Needs PyPI and Java. `weights`: a model hashed by a job array of Slurm is sealed
# under the id that one process finds, and the manifest for Kubernetes is valid. `figure`, only if it is named: 16 GiB of zeros and 4 GiB
# of random bytes by one core and by four workers of Slurm, and how much faster those are. scale.sh [spark|ray|columns|slurm|weights|figure]...
source "$(dirname "$0")/stage.sh"
mkdir -p "$cache"
export WEIGHMARK_ROOT=$root XDG_CACHE_HOME="$work/home/.cache"
PATH="$here/scale:$PATH"
engines=("$@")
[ $# -gt 0 ] || engines=(spark ray columns slurm weights)

venv() { # venv NAME PACKAGE...: a Python that has them
  [ -x "$cache/$1/bin/python" ] || { python3 -m venv "$cache/$1" && "$cache/$1/bin/pip" install -q "${@:2}"; }
}
data="$work/data"
mkdir -p "$data/more"
seq 60000 | sed 's/.*/{"id":&,"text":"row &","even":null,"list":[&,"&"]}/' > "$data/train.jsonl"
seq 100 | sed 's/.*/{"id":&}/' > "$data/more/small.jsonl"
node "$root/bin/weighmark.js" dataset index "$data" --no-keep > "$work/one.txt"
mv "$data/.weighmark/records" "$work/one.records"
same() { cmp "$data/.weighmark/records" "$one"; }

through() { # through ENGINE COMMAND...: runs it over the data, then holds the roots and what went wrong to what they must be
  local engine=$1
  data="$work/data" one="$work/one.records"
  shift
  export KILLED="$work/killed-$engine"
  rm -f "$data/.weighmark/records"
  check "$engine: runs to the end" "$@"
  check "$engine: a task was killed while it wrote" test -e "$KILLED/in-the-act"
  check "$engine: the same bytes as one machine writes" same
}

spark() {
  venv spark 'pyspark==4.3.0'
  PYSPARK_PYTHON="$cache/spark/bin/python" "$cache/spark/bin/spark-submit" --master 'local-cluster[2,1,1024]' \
    --conf spark.driver.bindAddress=127.0.0.1 --conf spark.driver.host=127.0.0.1 --conf spark.ui.enabled=false \
    --conf spark.executor.memory=512m "$root/examples/scale/spark.py" "$data" "$work/spark" 400kB
}

ray() {
  venv ray 'ray==2.60.0'
  "$cache/ray/bin/python" "$root/examples/scale/with_ray.py" "$data" "$work/ray" 400kB
}

# One file of eight row groups, in the place of the lines.
columns() {
  data="$work/columns" one="$work/columns.records"
  mkdir -p "$data"
  venv columns 'ray==2.60.0' 'pyarrow==26.0.1'
  "$cache/columns/bin/python" -c "
import pyarrow, pyarrow.parquet, sys
ids = list(range(800_000))
table = pyarrow.table({'id': ids, 'text': [f'row {each}' for each in ids], 'list': [[each, None] for each in ids]})
pyarrow.parquet.write_table(table, sys.argv[1], row_group_size=100_000)" "$data/rows.parquet"
  real dataset index "$data" --no-keep > /dev/null
  mv "$data/.weighmark/records" "$one"
  "$cache/columns/bin/python" "$root/examples/scale/with_ray.py" "$data" "$work/columns-work" 1MB
}

slurm_up() {
  [ -z "${SLURM_CONF-}" ] || return 0
  local state="$work/slurm-state"
  mkdir -p "$state/ctld" "$state/spool"
  chmod 711 "$work" "$state"
  sed "s|HOST|$(hostname -s)|; s|STATE|$state|" "$here/scale/slurm.conf" > "$state/slurm.conf"
  export SLURM_CONF="$state/slurm.conf"
  (umask 077 && head -c 1024 /dev/urandom > "$state/munge.key")
  /usr/sbin/munged --foreground --force --key-file="$state/munge.key" --socket="$state/munge.sock" --pid-file="$state/munge.pid" \
    --log-file="$state/munge.log" --seed-file="$state/munge.seed" > /dev/null 2>&1 &
  pids+=($!)
  for _ in $(seq 100); do [ -S "$state/munge.sock" ] && break; sleep 0.1; done
  for daemon in slurmctld slurmd; do
    "/usr/sbin/$daemon" -D > "$state/$daemon.out" 2>&1 &
    pids+=($!)
  done
  for _ in $(seq 300); do sinfo -h -o %t 2> /dev/null | grep -q idle && return; sleep 0.2; done
  cat "$state"/*.log "$state"/*.out
  return 1
}

slurm() {
  slurm_up && "$root/examples/scale/slurm.sh" "$data" "$work/slurm" 400kB || return
  slurm_done && cat "$work"/slurm/*.log
}

slurm_done() {
  local jobs=1
  for _ in $(seq 900); do
    jobs=$(squeue -h 2> /dev/null | wc -l)
    [ "$jobs" = 0 ] && break
    # A requeued task waits as if its node had to recover; one host need not.
    for held in $(squeue -h -t PD -o '%A %r' | awk '/BeginTime/ { print $1 }'); do scontrol update "JobId=$held" StartTime=now; done
    sleep 0.5
  done
  squeue && [ "$jobs" = 0 ]
}

weights() {
  local big="$work/big"
  mkdir -p "$big"
  for at in 1 2 3 4 5 6; do head -c $((at * 4000000)) /dev/urandom > "$big/model-$at.bin"; done
  truncate -s 200M "$big/sparse.bin"
  local one="$work/one/big"
  mkdir -p "$work/one" && cp -r --sparse=always "$big" "$one"
  (cd "$work" && real keygen key --no-password) > /dev/null
  real seal "$one" --name acme/big:1 --key "$work/key.key" > /dev/null
  export KILLED="$work/killed-weights" WEIGHMARK="$here/scale/weighmark"
  check 'weights: the jobs are submitted' workers "$big"
  check 'weights: the jobs end' slurm_done
  check 'weights: a worker was killed while it hashed' test -e "$KILLED/in-the-act"
  check 'weights: sealed under the id that one process finds' same_id "$one" "$big"
  check 'weights: the manifest for Kubernetes is valid' manifest_valid
}

# Shards, as large models come: SHA-256 of one file is one worker's.
figure() {
  local big="$work/figure" at begun one many
  mkdir -p "$big" && cd "$work"
  for at in $(seq -w 16); do truncate -s 1G "$big/$at-zeros.bin"; head -c 256M /dev/urandom > "$big/$at-real.bin"; done
  [ -e "$work/key.key" ] || real keygen key --no-password > /dev/null
  export DIGESTS='--algorithm sha256 --algorithm blake3 --jobs 1' WEIGHMARK="$here/scale/timed $work/cpu"
  slurm_up
  cat "$big"/*-real.bin > /dev/null
  begun=$(date +%s%N)
  taskset -c 0 "$here/scale/timed" "$work/alone" hash "$big" $DIGESTS > "$work/one.sums"
  one=$(($(date +%s%N) - begun))
  mkdir -p "$work/figure-parts"
  begun=$(date +%s%N)
  sbatch --parsable --array=1-4 --output=/dev/null "$root/examples/scale/weights-worker.sh" "$big" "$work/figure-parts"
  slurm_done
  many=$(($(date +%s%N) - begun))
  real hash --join "$work"/figure-parts/* > "$work/many.sums"
  check 'figure: four workers find what one process finds' cmp "$work/one.sums" "$work/many.sums"
  check 'figure: sealed under the id that one process finds' ids_agree "$big"
  awk -v one="$one" -v many="$many" 'BEGIN { printf "figure: one core %.1f s, four workers on two cores %.1f s: %.2f times as fast\n", one / 1e9, many / 1e9, one / many }'
  awk '{ cpu += $1; if ($1 > most) most = $1 } END { printf "figure: processor time of the workers %.1f s, of the slowest %.1f s; ", cpu, most }' "$work/cpu"
  awk '{ printf "of one process %.1f s\n", $1 }' "$work/alone"
}
ids_agree() {
  local ids
  real seal "$1" --from-parts "$work/figure-parts" --name acme/big:1 --key "$work/key.key" | tee "$work/from-parts.log"
  rm -r "$1/.weighmark" "$1/model.sig" "$1/claims.jsonl"
  real seal "$1" --name acme/big:1 --key "$work/key.key" | tee "$work/alone.log"
  ids=$(sed -n 's/^SEALED.*(\(sha256:[0-9a-f]*\)).*/\1/p' "$work/from-parts.log" "$work/alone.log")
  [ "$(echo "$ids" | wc -l)" = 2 ] && [ "$(echo "$ids" | sort -u | wc -l)" = 1 ]
}

real() { node "$root/bin/weighmark.js" "$@"; }
workers() { slurm_up && "$root/examples/scale/weights-slurm.sh" "$1" "$work/parts" 4 --name acme/big:1 --key "$work/key.key"; }
same_id() {
  cat "$work/parts.log"
  [ -n "$(idOf "$1")" ] && [ "$(idOf "$1")" = "$(idOf "$2")" ] && grep -q '4 parts' "$2/.weighmark/bom.cdx.json"
}
idOf() { real verify "$1" --key "$work/key.pub" | sed -n 's/^VERIFIED.*(\(sha256:[0-9a-f]*\)).*/\1/p'; }
manifest_valid() {
  venv kubernetes 'kubernetes-validate==1.36.0'
  "$cache/kubernetes/bin/kubernetes-validate" --strict "$root/examples/scale/indexed-job.yaml"
}

for engine in "${engines[@]}"; do
  if [[ "$engine" = slurm || "$engine" = weights || "$engine" = figure ]] && ! { [ "$(id -u)" = 0 ] && [ -x /usr/sbin/slurmctld ]; }; then
    echo "not run  $engine: Slurm is not installed, or this is not root"
    continue
  fi
  if [ "$engine" = weights ] || [ "$engine" = figure ]; then "$engine"; else through "$engine" "$engine"; fi
done
echo "scale: $passed passed, $failed failed"
[ "$failed" = 0 ]
