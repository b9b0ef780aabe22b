#!/bin/sh
# The hook of .pre-commit-hooks.yaml: kfpctl of this checkout's version, run on what the hook's `args` say.
set -eu
folder=$(dirname "$0")
kfpctl=$("$folder/fetch-kfpctl.sh")
exec "$kfpctl" check "$@"
