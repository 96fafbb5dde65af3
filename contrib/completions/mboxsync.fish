# Completion of mboxsync for fish.  Tests compare the words with those that the program knows.

function __mboxsync_pairs
    set -l base $HOME/.config
    set -q XDG_CONFIG_HOME; and set base $XDG_CONFIG_HOME
    set -l file $base/mboxsync/config
    test -r $file
    and sed -n 's/^[[:blank:]]*\[pair[[:blank:]]\{1,\}"\{0,1\}\([^]"]*\)"\{0,1\}\].*/\1/p' $file
end

function __mboxsync_keys
    set -l pair left right mailboxes map create delete rename subscriptions expunge conflict uids \
        max-uid-padding max-size since max-expunge before after
    set -l endpoint url user password-command password-file auth tls tls-ca-file tls-fingerprint \
        tls-client-cert tls-client-key tls-min layout connections timeout compress disable-capabilities prefix
    printf '%s=\n' $pair left.$endpoint right.$endpoint
end

# Whether a pair may stand here: after their pair, two verbs take mailboxes.
function __mboxsync_takes_pair
    set -l words
    set -l previous
    for word in (commandline -opc)[2..-1]
        switch "$previous"
            case -c --config --from-mbsyncrc --from-offlineimaprc --state --only -m --mailbox -o --set -j --jobs
                set previous
                continue
        end
        set previous $word
        string match -q -- '-*' $word; or set -a words $word
    end
    not contains -- "$words[1]" fetch forget; or test (count $words) -lt 2
end

set -l verbs sync status check init verify fetch forget

complete -c mboxsync -f
complete -c mboxsync -n "not __fish_seen_subcommand_from $verbs" -a sync -d 'make both sides equal'
complete -c mboxsync -n "not __fish_seen_subcommand_from $verbs" -a status -d 'show what is known and pending'
complete -c mboxsync -n "not __fish_seen_subcommand_from $verbs" -a check -d 'try configuration and logins'
complete -c mboxsync -n "not __fish_seen_subcommand_from $verbs" -a init -d 'write a first configuration'
complete -c mboxsync -n "not __fish_seen_subcommand_from $verbs" -a verify -d 'compare both sides, every octet'
complete -c mboxsync -n "not __fish_seen_subcommand_from $verbs" -a fetch -d 'replace stubs by the whole messages'
complete -c mboxsync -n "not __fish_seen_subcommand_from $verbs" -a forget -d 'drop what is recorded'
complete -c mboxsync -n __mboxsync_takes_pair -a '(__mboxsync_pairs)' -d pair

complete -c mboxsync -s c -l config -r -F -d 'configuration file'
complete -c mboxsync -l state -x -a '(__fish_complete_directories)' -d 'state directory'
complete -c mboxsync -s n -l dry-run -d 'print the plan, change nothing'
complete -c mboxsync -s m -l mailbox -x -d 'only matching mailboxes'
complete -c mboxsync -l pull -d 'change only the left'
complete -c mboxsync -l push -d 'change only the right'
complete -c mboxsync -l only -x -a 'new expunge flags mailboxes' -d 'only these kinds of change'
complete -c mboxsync -l full -d 'compare everything'
complete -c mboxsync -l force -d 'carry on past a guard'
complete -c mboxsync -s o -l set -x -a '(__mboxsync_keys)' -d 'set a key for this run'
complete -c mboxsync -s j -l jobs -x -d 'mailboxes at the same time'
complete -c mboxsync -l from-mbsyncrc -r -F -d 'translate the configuration of mbsync'
complete -c mboxsync -l from-offlineimaprc -r -F -d 'translate the configuration of OfflineIMAP'
complete -c mboxsync -l json -d 'print one JSON object'
complete -c mboxsync -s q -l quiet -d 'errors only'
complete -c mboxsync -s v -l verbose -d 'each change; twice: the protocol'
complete -c mboxsync -l progress -a 'auto always never' -d 'progress bar'
complete -c mboxsync -l color -a 'auto always never' -d colours
complete -c mboxsync -s h -l help -d 'print help'
complete -c mboxsync -s V -l version -d 'print the version'
