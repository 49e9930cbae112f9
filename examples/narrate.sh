#!/usr/bin/env bash
# Narrate a document through the service, from a shell: submit it, follow it, print where it is.
#
#     examples/narrate.sh INPUT OUTPUT [COMMAND...]
#
# COMMAND is what is started and talked to; without one `tts-supervisor serve --stdio`. Needs bash and jq. Stopped at
# any moment and run again, it goes on where it was: the job is the service's, not this script's.
set -euo pipefail
input=$1 output=$2
shift 2
(($#)) || set -- tts-supervisor serve --stdio

coproc SERVICE { exec "$@"; }
service=$SERVICE_PID
exec 3>&"${SERVICE[1]}" 4<&"${SERVICE[0]}" {SERVICE[1]}>&- # bash keeps a coprocess's own ends from subshells

# ask METHOD PARAMS: put the result into $answer; progress that comes meanwhile goes to standard error.
ask() {
    local line
    # One question at a time, so one id is enough: it is free again once it was answered.
    jq -cn --arg method "$1" --argjson params "$2" '{jsonrpc: "2.0", id: 1, $method, $params}' >&3
    while read -r line <&4; do
        jq -r 'select(.method == "progress").params | "\(.segment) of \(.segments) segments"' <<<"$line" >&2
        if jq -e 'has("error")' <<<"$line" >/dev/null; then
            jq -r '.error.message' <<<"$line" >&2
            exit 1
        fi
        if answer=$(jq -ce 'select(.id == 1) | .result' <<<"$line"); then return; fi
    done
    echo "the service ended" >&2
    exit 1
}

ask jobs/submit "$(jq -cn --arg input "$input" --arg output "$output" '{inputs: [$input], $output}')"
ask jobs/watch "$(jq -c '{job}' <<<"$answer")" # answered when the job is over
jq -r '.outputs[]' <<<"$answer"
jq -r '.message // empty' <<<"$answer" >&2

exec 3>&- # the end of its input is the end of the service
wait "$service"
exit "$(jq .exit_code <<<"$answer")" # as `tts-supervisor narrate` would end
