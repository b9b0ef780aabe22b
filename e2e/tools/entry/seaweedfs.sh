#!/bin/sh
# Starts SeaweedFS the way the official image does: the same defaults for each subcommand, the same user.

# The official image asks Go's cryptography to keep to FIPS 140-3.
export GODEBUG="${GODEBUG:+$GODEBUG,}fips140=on"

if [ "$(id -u)" = 0 ]; then
    [ "$(stat -c %u:%g /data)" = 1000:1000 ] || chown -R seaweed:seaweed /data
    exec su -s /bin/sh seaweed -c 'exec "$0" "$@"' "$0" "$@"
fi

# Whether an option was given, as -name, --name, -name=value or --name=value.
given() {
    option=$1
    shift
    for argument in "$@"; do
        case "$argument" in "$option" | "-$option" | "$option="* | "-$option="*) return 0 ;; esac
    done
    return 1
}

subcommand=${1:-}
[ $# -eq 0 ] || shift
weed() { exec /usr/bin/weed -logtostderr=true "$@"; }
case "$subcommand" in
    master) weed master -mdir=/data -volumeSizeLimitMB=1024 "$@" ;;
    volume) if given -max "$@"; then weed volume -dir=/data "$@"; else weed volume -dir=/data -max=0 "$@"; fi ;;
    server)
        if given -volume.max "$@"; then
            weed server -dir=/data -master.volumeSizeLimitMB=1024 "$@"
        else
            weed server -dir=/data -volume.max=0 -master.volumeSizeLimitMB=1024 "$@"
        fi ;;
    mini) if given -dir "$@"; then weed mini "$@"; else weed mini -dir=/data "$@"; fi ;;
    filer) weed filer "$@" ;;
    s3) weed s3 -domainName="$S3_DOMAIN_NAME" -key.file="$S3_KEY_FILE" -cert.file="$S3_CERT_FILE" "$@" ;;
    *) exec /usr/bin/weed $subcommand "$@" ;;
esac
