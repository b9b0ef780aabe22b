#!/bin/sh
# Runs `kfpctl check` with what a CI system gives as environment; what is empty or unset is left out.
# Usage: kfp-check.sh [ARGUMENT…]      (further arguments go to kfpctl as they are)
#   KFP_CHECK_PATHS          files, folders and patterns, one a line (default: .)
#   KFP_CHECK_BACKEND        releases, apart by commas or blanks
#   KFP_CHECK_BACKEND_RANGE  range of releases
#   KFP_CHECK_ENDPOINT       address of the API server
#   KFP_CHECK_POLICY         policy file
#   KFP_CHECK_FAIL_ON        error or warning
#   KFPCTL                   the program (default: kfpctl on PATH)
set -eu
# kfpctl expands patterns itself, and a path may hold blanks.
set -f
newline='
'

for backend in $(printf '%s' "${KFP_CHECK_BACKEND:-}" | tr ',' ' '); do
  set -- "$@" --backend "$backend"
done
[ -z "${KFP_CHECK_BACKEND_RANGE:-}" ] || set -- "$@" --backend-range "$KFP_CHECK_BACKEND_RANGE"
[ -z "${KFP_CHECK_ENDPOINT:-}" ] || set -- "$@" --endpoint "$KFP_CHECK_ENDPOINT"
[ -z "${KFP_CHECK_POLICY:-}" ] || set -- "$@" --policy "$KFP_CHECK_POLICY"
[ -z "${KFP_CHECK_FAIL_ON:-}" ] || set -- "$@" --fail-on "$KFP_CHECK_FAIL_ON"

IFS=$newline
paths=${KFP_CHECK_PATHS:-}
set -- "$@" --
for path in ${paths:-.}; do
  set -- "$@" "$path"
done
exec "${KFPCTL:-kfpctl}" check "$@"
