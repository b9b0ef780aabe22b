#!/bin/sh
# Prints the path of kfpctl of one version: the one on PATH if it is that version, else downloaded, its digest checked.
# Usage: fetch-kfpctl.sh [FOLDER]      (default: a folder of the version below the user's cache)
#   KFPCTL_VERSION    version to have (default: that of this checkout)
#   KFPCTL_DOWNLOADS  where releases are (default: the project's), for mirrors; below it VERSION/FILE
set -eu

version=${KFPCTL_VERSION:-}
version=${version:-0.1.0}
downloads=${KFPCTL_DOWNLOADS:-}
downloads=${downloads:-https://github.com/kfpops/kfp-operator/releases/download}
folder=${1:-${XDG_CACHE_HOME:-$HOME/.cache}/kfpctl/$version}

fail() {
  echo "fetch-kfpctl: $1" >&2
  exit 2
}

has_version() {
  [ "$("$1" --version 2>/dev/null)" = "kfpctl $version" ]
}

case $version in
  *[!0-9A-Za-z.-]*) fail "KFPCTL_VERSION is '$version', which is no version: write, for example, 0.1.0" ;;
esac
if command -v kfpctl >/dev/null && has_version kfpctl; then
  command -v kfpctl
  exit
fi
if [ -x "$folder/kfpctl" ] && has_version "$folder/kfpctl"; then
  echo "$folder/kfpctl"
  exit
fi

platform=$(uname -s)-$(uname -m)
[ "$platform" = Linux-x86_64 ] || fail "no program is released for $platform: build it with
  cargo install --git https://github.com/kfpops/kfp-operator --tag v$version kfpctl
and put it on PATH"

archive=kfpctl-$version-linux-x86_64.tar.gz
partial=$(mktemp -d)
trap 'rm -rf "$partial"' EXIT
for file in "$archive" SHA256SUMS; do
  curl --fail --silent --show-error --location --retry 3 --output "$partial/$file" "$downloads/v$version/$file" ||
    fail "$downloads/v$version/$file cannot be had: is $version released, and is the address reachable? A mirror is named by KFPCTL_DOWNLOADS"
done
(cd "$partial" && grep " [ *]*$archive\$" SHA256SUMS | sha256sum --check --status) ||
  fail "$archive is not what its SHA256SUMS says: nothing was installed; try again, and if it stays so, tell the project"
tar -xzf "$partial/$archive" -C "$partial" kfpctl
mkdir -p "$folder"
mv "$partial/kfpctl" "$folder/kfpctl"
echo "$folder/kfpctl"
