# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# To be sourced by tests: TAP, waiting, processes. Ends with `tap_end`.
tap_n=0 tap_bad=0

tap_files=() # what a failed line shows when it names no files

# verdict CODE TEXT [FILE...]: a line of TAP; the ends of the files, if it failed
verdict() {
    local code=$1 text=$2
    shift 2
    (($# > 0)) || set -- "${tap_files[@]}"
    tap_n=$((tap_n + 1))
    if ((code == 0)); then
        echo "ok $tap_n - $text"
    else
        echo "not ok $tap_n - $text"
        (($# == 0)) || tail -qn 30 "$@" 2>/dev/null | sed 's/^/#   /'
        tap_bad=$((tap_bad + 1))
        return 1
    fi
}

# check TEXT COMMAND...: a line of TAP; what the command said ($tmp/said), if it failed
check() {
    local text=$1 code=0
    shift
    "$@" >"${tmp:?}/said" 2>&1 || code=$?
    verdict $code "$text" "$tmp/said"
}

# skip TEXT WHY: a line for what cannot be tried here
skip() {
    tap_n=$((tap_n + 1))
    echo "ok $tap_n - $1 # SKIP $2"
}

# skip_all WHY: nothing can be tried here
skip_all() {
    echo "1..0 # SKIP $1"
    exit 0
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
