# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# To be sourced by tests: TAP, waiting, processes. Ends with `tap_end`.
tap_n=0 tap_bad=0

# verdict CODE TEXT [FILE...]: a line of TAP; the ends of the files, if it failed
verdict() {
    local code=$1 text=$2
    shift 2
    tap_n=$((tap_n + 1))
    if ((code == 0)); then
        echo "ok $tap_n - $text"
    else
        echo "not ok $tap_n - $text"
        (($# == 0)) || tail -qn 30 "$@" 2>/dev/null | sed 's/^/#   /'
        tap_bad=$((tap_bad + 1))
    fi
}

tap_end() {
    echo "1..$tap_n"
    ((tap_bad == 0))
}

# soon COMMAND...: within ten seconds ($patience tenths of one)
soon() {
    local i
    for ((i = 0; i < ${patience:-100}; i++)); do
        "$@" >/dev/null 2>&1 && return 0
        sleep 0.1
    done
    return 1
}

# end NAME...: SIGTERM to the processes whose ids are in these variables, which are emptied; the code of the last
end() {
    local name code=0
    for name; do
        local -n which=$name
        code=0
        [[ -z $which ]] && continue
        kill -TERM "$which" 2>/dev/null
        wait "$which" 2>/dev/null || code=$?
        which=''
    done
    return $code
}
