#!/bin/sh
# A stand-in for MinIO, which cannot be had: takes `server FOLDER` and MinIO's variables, and serves S3 on port 9000 with
# SeaweedFS. MinIO's own paths (/minio/health/…, the browser, its admin interface) are not there.
set -e

echo "THIS IS NOT MINIO: SeaweedFS serves S3 here, under MinIO's name and on its port."
[ "${1:-}" != minio ] || shift
[ "${1:-}" = server ] && [ $# -ge 2 ] || { echo "usage: server FOLDER (nothing else of MinIO is here)" >&2; exit 1; }
shift
folder=
address=:9000
while [ $# -gt 0 ]; do
    case "$1" in
        --address) address=$2; shift ;;
        --address=*) address=${1#*=} ;;
        --console-address) shift ;;
        -*) echo "left out: $1" ;;
        *) folder=$1 ;;
    esac
    shift
done
user=${MINIO_ROOT_USER:-${MINIO_ACCESS_KEY:-minioadmin}}
password=${MINIO_ROOT_PASSWORD:-${MINIO_SECRET_KEY:-minioadmin}}
[ ${#user} -ge 3 ] && [ ${#password} -ge 8 ] || { echo "the access key needs 3 characters, the secret key 8" >&2; exit 1; }

# A JSON string; keys are printable text.
json() { printf '"%s"' "$(printf %s "$1" | sed 's/\\/\\\\/g; s/"/\\"/g')"; }
umask 077
cat > /tmp/s3.json << END
{"identities": [{"name": "root", "credentials": [{"accessKey": $(json "$user"), "secretKey": $(json "$password")}],
  "actions": ["Admin", "Read", "List", "Tagging", "Write"]}]}
END
exec /usr/bin/weed -logtostderr=true server -dir="$folder" -volume.max=0 -master.volumeSizeLimitMB=1024 \
    -master.volumePreallocate=false -s3 -s3.port="${address##*:}" -s3.config=/tmp/s3.json
