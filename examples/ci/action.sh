#!/usr/bin/env bash
# What the GitHub action runs: every input comes as an environment variable, none is ever part of a script.
set -uo pipefail
case $WM_COMMAND in seal | verify | scan | push | promote) ;; *) echo "unknown command: $WM_COMMAND" >&2; exit 2 ;; esac

work=${RUNNER_TEMP:-$(mktemp -d)}
report=$work/weighmark-report.json
arguments=()
while IFS= read -r line; do [[ -n $line ]] && arguments+=("$line"); done <<< "${WM_ARGUMENTS:-}"

# In a pull request the change must not bring its own policy: take the base branch's.
if [[ -n ${WM_POLICY:-} ]]; then
  policy=$WM_POLICY
  if [[ -n ${WM_BASE_REF:-} ]]; then
    policy=$work/weighmark-base-policy.yaml
    if ! { git fetch --quiet --depth=1 origin "refs/heads/$WM_BASE_REF" && git show "FETCH_HEAD:$WM_POLICY" > "$policy"; }; then
      echo "the base branch has no policy at $WM_POLICY" >&2
      exit 2
    fi
  fi
  arguments+=(--policy "$policy")
fi

# One run, one reading of the model, whatever is wanted of it.
formats=json=$report
case $WM_COMMAND in
  scan | verify | promote)
    formats=$formats,github=/dev/stdout
    [[ -n ${WM_SARIF:-} ]] && formats=$formats,sarif=$WM_SARIF
    [[ ${WM_SUMMARY:-true} == true && -n ${GITHUB_STEP_SUMMARY:-} ]] && formats=$formats,markdown=$GITHUB_STEP_SUMMARY
    ;;
esac
weighmark "$WM_COMMAND" "$WM_REF" "${arguments[@]+"${arguments[@]}"}" --format "$formats"
code=$?

if [[ -n ${GITHUB_OUTPUT:-} ]]; then
  printf 'exit-code=%d\nreport=%s\n' "$code" "$report" >> "$GITHUB_OUTPUT"
fi
exit "$code"
