# Completion of mboxsync for bash.  Tests compare the words with those that the program knows.

_mboxsync_pairs() {
  local file=${XDG_CONFIG_HOME:-$HOME/.config}/mboxsync/config i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case ${COMP_WORDS[i]} in -c | --config) file=${COMP_WORDS[i + 1]/#\~\//$HOME/} ;; esac
  done
  [ -r "$file" ] && sed -n 's/^[[:blank:]]*\[pair[[:blank:]]\{1,\}"\{0,1\}\([^]"]*\)"\{0,1\}\].*/\1/p' "$file"
}

_mboxsync_keys() {
  local pair='left right mailboxes map create delete rename subscriptions expunge conflict uids
    max-uid-padding max-size since max-expunge before after'
  local endpoint='url user password-command password-file auth tls tls-ca-file tls-fingerprint
    tls-client-cert tls-client-key tls-min layout connections timeout compress disable-capabilities prefix'
  local key
  for key in $pair; do echo "$key="; done
  for key in $endpoint; do echo "left.$key= right.$key="; done
}

_mboxsync() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} i verb=
  local verbs='sync status check init verify fetch forget'
  local options='--config --state --dry-run --mailbox --pull --push --only --full --force --set --jobs
    --from-mbsyncrc --from-offlineimaprc --json --quiet --verbose --progress --color --help --version'
  COMPREPLY=()
  # In KEY=VALUE the = is a word of its own, as it is in --set=KEY=VALUE.
  i=$((COMP_CWORD - 1))
  [ "$current" = = ] || [ "${COMP_WORDS[i]}" != = ] || i=$((i - 1))
  if [ "${COMP_WORDS[i + 1]}" = = ] && [ "$i" -gt 1 ]; then
    case ${COMP_WORDS[i - 1]} in -o | --set) return ;; esac
    case ${COMP_WORDS[i - 2]}${COMP_WORDS[i - 1]} in --set=) return ;; esac
  fi
  if [ "$current" = = ]; then
    current=
  elif [ "$previous" = = ]; then
    previous=${COMP_WORDS[COMP_CWORD - 2]}
  fi
  case $previous in
    -c | --config | --from-mbsyncrc | --from-offlineimaprc)
      compopt -o filenames 2>/dev/null
      mapfile -t COMPREPLY < <(compgen -f -- "$current")
      return ;;
    --state)
      compopt -o filenames 2>/dev/null
      mapfile -t COMPREPLY < <(compgen -d -- "$current")
      return ;;
    --only) mapfile -t COMPREPLY < <(compgen -W 'new expunge flags mailboxes' -- "$current"); return ;;
    --progress | --color)
      if [ "${COMP_WORDS[COMP_CWORD]}" = = ] || [ "${COMP_WORDS[COMP_CWORD - 1]}" = = ]; then
        mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$current")
        return
      fi ;;
    -o | --set)
      compopt -o nospace 2>/dev/null
      mapfile -t COMPREPLY < <(compgen -W "$(_mboxsync_keys)" -- "$current")
      return ;;
    -m | --mailbox | -j | --jobs) return ;;
  esac
  if [ "${current:0:1}" = - ]; then
    mapfile -t COMPREPLY < <(compgen -W "$options" -- "$current")
    return
  fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    case ${COMP_WORDS[i - 1]} in
      -c | --config | --from-mbsyncrc | --from-offlineimaprc | --state | --only | -m | --mailbox | -o | --set | -j | --jobs | =)
        continue ;;
    esac
    case ${COMP_WORDS[i]} in
      -* | =) ;;
      *)
        # After their pair, these take mailboxes.
        case $verb in fetch | forget) return ;; esac
        [ -n "$verb" ] || verb=${COMP_WORDS[i]} ;;
    esac
  done
  mapfile -t COMPREPLY < <(compgen -W "${verb:+}$([ -n "$verb" ] || echo "$verbs") $(_mboxsync_pairs)" -- "$current")
}

complete -F _mboxsync mboxsync
