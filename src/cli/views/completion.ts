export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/**
 * A script that asks `weighmark completion words -- WORDS…` what may follow: a candidate a line, with its meaning after a
 * tab; the line `:files` stands for files.
 */
export function completionScript(shell: Shell): string {
  return SCRIPTS[shell];
}

const SCRIPTS: Record<Shell, string> = {
  bash: `# weighmark completion for bash: eval "$(weighmark completion bash)"
_weighmark() {
  local cur=\${COMP_WORDS[COMP_CWORD]} word rest
  local -a found=()
  local files=
  while IFS=$'\\t' read -r word rest; do
    if [ "$word" = :files ]; then files=1; else found+=("$word"); fi
  done < <(weighmark completion words -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
  mapfile -t COMPREPLY < <(compgen -W "\${found[*]}" -- "$cur")
  if [ -n "$files" ]; then
    compopt -o filenames 2>/dev/null
    local -a paths
    mapfile -t paths < <(compgen -f -- "$cur")
    COMPREPLY+=("\${paths[@]}")
  fi
}
COMP_WORDBREAKS=\${COMP_WORDBREAKS//[:=]/}
complete -F _weighmark weighmark
`,
  zsh: `#compdef weighmark
# weighmark completion for zsh: eval "$(weighmark completion zsh)"
_weighmark() {
  local line files=
  local -a found
  while IFS= read -r line; do
    if [[ $line == :files ]]; then
      files=1
    else
      local word=\${line%%$'\\t'*} about=
      [[ $line == *$'\\t'* ]] && about=\${line#*$'\\t'}
      found+=("\${word//:/\\\\:}:$about")
    fi
  done < <(weighmark completion words -- "\${(@)words[2,CURRENT]}" 2>/dev/null)
  (( $#found )) && _describe 'weighmark' found
  [[ -n $files ]] && _files
  return 0
}
compdef _weighmark weighmark
`,
  fish: `# weighmark completion for fish: weighmark completion fish | source
function __weighmark_words
    set -l typed (commandline -opc)
    weighmark completion words -- $typed[2..-1] (commandline -ct) 2>/dev/null
end
function __weighmark_candidates
    for line in (__weighmark_words)
        if test "$line" = :files
            __fish_complete_path (commandline -ct)
        else
            echo $line
        end
    end
end
complete -c weighmark -f -a '(__weighmark_candidates)'
`,
};
