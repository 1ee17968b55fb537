_wtcheck() {
    local IFS=$'\013' words=("${COMP_WORDS[@]}")
    [[ ${words[COMP_CWORD]} == [=\'\"]* ]] || words[COMP_CWORD]=$2
    COMPREPLY=($(_CLAP_IFS="$IFS" _CLAP_COMPLETE_INDEX="$COMP_CWORD" WTCHECK_COMPLETE=bash wtcheck -- "${words[@]}" 2>/dev/null))
    # A word that is whole is followed by a space, a directory is not.
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[=/:] ]]; then
        compopt -o nospace 2>/dev/null
    fi
}
complete -o nosort -F _wtcheck wtcheck 2>/dev/null || complete -F _wtcheck wtcheck
