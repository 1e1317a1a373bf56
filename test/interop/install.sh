#!/usr/bin/env bash
# The README's Install section, line by line as it stands there, on a bare PATH and in an empty home: npm's lines from a registry on
# loopback and pip's from a folder of wheels that hold this build, the container's recipe where a Docker daemon answers (its RUN line
# here where none does), the executable as built. Then a first seal and verify by each. Needs npm's registry and Python 3.10 with venv.
set -euo pipefail
# shellcheck source=test/interop/stage.sh
. "$(dirname "$0")/stage.sh"
lines() { sed -n '/^## Install/,/^## /p' "$root/README.md" | sed -n '/^```sh$/,/^```$/p' | grep -v '^```' | sed 's/ *#.*//'; }
line() { lines | grep -- "$1" || { echo "the README's Install section has no line with: $1" >&2; return 1; }; }

(cd "$root" && npm run --silent build && npm pack --silent --ignore-scripts --pack-destination "$work" >/dev/null)
node "$root/test/interop/install/registry.mjs" "$work"/weighmark-*.tgz "$(npm config get registry)" > "$work/address" &
pids+=($!)
for _ in $(seq 100); do [ -s "$work/address" ] || sleep 0.1; done
version=$(node -p "require('$root/package.json').version")
bin=$(dirname "$(node -p process.execPath)"):$(dirname "$(command -v npm)")

fresh() { mkdir -p "$work/$1"; cd "$work/$1"; }
bare() { env -i HOME="$PWD" PATH="$PWD/bin:$bin:/usr/bin:/bin" npm_config_registry="$(cat "$work/address")" npm_config_prefix="$PWD" \
  npm_config_cache="$work/npm-cache" npm_config_fetch_retries=0 ${NODE_EXTRA_CA_CERTS:+NODE_EXTRA_CA_CERTS="$NODE_EXTRA_CA_CERTS"} PIP_NO_INDEX=1 PIP_FIND_LINKS="$work/wheels" timeout 240 bash -euc "$1"; }
first='mkdir -p m && echo {} > m/config.json && weighmark keygen k --no-password && weighmark seal m --name a/b:1 --key k.key && weighmark verify m --key k.pub'
prints_version() { bare "$1" | grep -q "^$version\$"; }

fresh npm
check 'npm install -g' bare "$(line 'npm install -g')"
check 'then: keygen, seal, verify' bare "$first"
check 'its manual pages' test -e "$work/npm/share/man/man1/weighmark.1"
fresh tarball
check 'npm install -g of the packed file: no script of ours waits for a permission' bare \
  "npm install -g '$work'/weighmark-*.tgz 2>&1 | tee log; ! grep -i script log"
fresh npx
check 'npx' prints_version "$(line '^npx ')"

fresh pip
(cd "$root" && python3 -m venv "$work/build-venv" && PYTHON=$work/build-venv/bin/python npm run --silent build:python >/dev/null)
"$work/build-venv/bin/pip" download -q -d "$work/wheels" "$root"/python/dist/*.whl
python3 -m venv "$work/pip"
bin=/nowhere
check 'pip install, without Node' bare "$(line '^pip install')"
check 'then: keygen, seal, verify' bare "$first"

fresh container
recipe=$root/$(line 'docker build' | grep -o 'examples/[^ ]*')/Dockerfile
check 'the container installs this version' grep -q "weighmark@$version" "$recipe"
if timeout 10 docker info >/dev/null 2>&1 && [ "${WEIGHMARK_PUBLISHED:-}" = 1 ]; then
  cd "$root" && check 'docker build and run' bash -euc "$(line 'docker ')" && cd -
else
  bin=$(dirname "$(node -p process.execPath)"):$(dirname "$(command -v npm)")
  check 'the RUN line of the container' bare "$(sed -n 's/^RUN //p' "$recipe")"
  check 'then: keygen, seal, verify' bare "$first"
fi

fresh executable
file=$root/executable/dist/$(line '^curl' | grep -o 'weighmark-[^ /]*$')
[ -f "$file" ] || (cd "$root" && npm run --silent build:executable >/dev/null 2>&1)
cp "$file" . && bin=/nowhere
check 'the executable under its name in the README' prints_version "$(line '^chmod')"
echo "$passed checks passed, $failed failed"
[ "$failed" = 0 ]
