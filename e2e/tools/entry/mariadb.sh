#!/bin/bash
# Starts MariaDB the way the official image does: the same variables (MARIADB_* and MYSQL_*), files, user and socket.
# Time zone tables are not loaded; replication and restoring from a backup archive are not set up.
set -eo pipefail

say() { echo "[entrypoint, locally made mariadb image] $*"; }
fail() { say "ERROR: $*" >&2; exit 1; }

# Takes MARIADB_x from MARIADB_x_FILE, MYSQL_x or MYSQL_x_FILE, in this order; the second argument is the default.
from_environment() {
    local name="MARIADB_$1" other="MYSQL_$1" value=${2:-}
    local file="${name}_FILE" other_file="${other}_FILE"
    if [ -n "${!name:-}" ] && [ -n "${!file:-}" ]; then fail "both $name and $file are set"; fi
    if [ -n "${!name:-}" ]; then value=${!name}
    elif [ -n "${!file:-}" ]; then value=$(< "${!file}")
    elif [ -n "${!other:-}" ]; then value=${!other}
    elif [ -n "${!other_file:-}" ]; then value=$(< "${!other_file}")
    fi
    export "$name=$value"
    unset "$file" "$other_file"
}

# Writes a text as an SQL string.
quote() {
    local text=${1//\\/\\\\}
    printf "'%s'" "${text//\'/\'\'}"
}

case "${1:-}" in
    -*) set -- mariadbd "$@" ;;
    '') set -- mariadbd ;;
esac
case "$1" in mariadbd | mysqld) shift ;; *) exec "$@" ;; esac
command=(mariadbd "$@")
for option in "$@"; do
    case "$option" in --help | -\? | --version | -V | --print-defaults) exec "${command[@]}" ;; esac
done

# The value that a setting has with these options and configuration files.
setting() { "${command[@]}" --verbose --help 2>/dev/null | awk -v name="$1" '/^[^ \t]/ && $1 == name { print $2 }'; }
datadir=$(setting datadir)
socket=$(setting socket)
[ -n "$datadir" ] && [ -n "$socket" ] || { "${command[@]}" --verbose --help > /dev/null; fail "the options are refused"; }
datadir=${datadir%/}

if [ "$(id -u)" = 0 ]; then
    mkdir -p "$datadir" "$(dirname "$socket")"
    find "$datadir" "$(dirname "$socket")" \! -user mysql -exec chown mysql {} +
    say "going on as user mysql"
    exec su -s /bin/bash mysql -c 'exec "$0" "$@"' "$0" "${command[@]}"
fi

from_environment ROOT_HOST '%'
from_environment ROOT_PASSWORD
from_environment DATABASE
from_environment USER
from_environment PASSWORD
# The one name that differs between the two families.
allow_empty="${MARIADB_ALLOW_EMPTY_ROOT_PASSWORD:-}${MYSQL_ALLOW_EMPTY_PASSWORD:-}"
random="${MARIADB_RANDOM_ROOT_PASSWORD:-}${MYSQL_RANDOM_ROOT_PASSWORD:-}"

sql() { mariadb --no-defaults --protocol=socket --user=root --socket="$socket" --comments "$@"; }
# The official image's own name for it, which files in /docker-entrypoint-initdb.d may use.
docker_process_sql() { sql "$@"; }

initialize() {
    [ -n "$MARIADB_ROOT_PASSWORD$allow_empty$random" ] ||
        fail "the data folder is empty: set MARIADB_ROOT_PASSWORD, MARIADB_ALLOW_EMPTY_ROOT_PASSWORD or MARIADB_RANDOM_ROOT_PASSWORD"
    say "initializing $datadir"
    mariadb-install-db --datadir="$datadir" --rpm --auth-root-authentication-method=normal "${command[@]:1}" \
        --cross-bootstrap --skip-test-db --default-time-zone=SYSTEM --skip-log-bin > /dev/null
    "${command[@]}" --skip-networking --default-time-zone=SYSTEM --socket="$socket" &
    local server=$! tries=0
    until echo 'SELECT 1;' | sql > /dev/null 2>&1; do
        tries=$((tries + 1))
        [ $tries -lt 300 ] && kill -0 $server 2> /dev/null || fail "the server does not start for its initialization"
        sleep 0.1
    done
    if [ -n "$random" ]; then
        MARIADB_ROOT_PASSWORD=$(head -c 24 /dev/urandom | base64)
        say "GENERATED ROOT PASSWORD: $MARIADB_ROOT_PASSWORD"
    fi
    local password health host
    password=$(quote "$MARIADB_ROOT_PASSWORD")
    health=$(head -c 24 /dev/urandom | base64)
    {
        echo "DROP USER IF EXISTS root@'127.0.0.1', root@'::1';"
        if [ "$MARIADB_ROOT_HOST" != localhost ]; then
            echo "CREATE USER root@$(quote "$MARIADB_ROOT_HOST") IDENTIFIED BY $password;"
            echo "GRANT ALL ON *.* TO root@$(quote "$MARIADB_ROOT_HOST") WITH GRANT OPTION;"
        fi
        for host in 127.0.0.1 ::1 localhost; do
            echo "CREATE USER IF NOT EXISTS healthcheck@'$host' IDENTIFIED BY '$health';"
        done
        if [ -n "$MARIADB_DATABASE" ]; then echo "CREATE DATABASE IF NOT EXISTS \`$MARIADB_DATABASE\`;"; fi
        if [ -n "$MARIADB_USER" ] && [ -n "$MARIADB_PASSWORD" ]; then
            echo "CREATE USER $(quote "$MARIADB_USER")@'%' IDENTIFIED BY $(quote "$MARIADB_PASSWORD");"
            if [ -n "$MARIADB_DATABASE" ]; then
                echo "GRANT ALL ON \`${MARIADB_DATABASE//_/\\_}\`.* TO $(quote "$MARIADB_USER")@'%';"
            fi
        fi
    } | sql --database=mysql
    (umask 077; printf '[mariadb-client]\nsocket=%s\nuser=healthcheck\npassword=%s\n' "$socket" "$health" > "$datadir/.my-healthcheck.cnf")
    local file
    for file in /docker-entrypoint-initdb.d/*; do
        case "$file" in
            *.sh) say "running $file"; if [ -x "$file" ]; then "$file"; else . "$file"; fi ;;
            *.sql) say "running $file"; sql ${MARIADB_DATABASE:+--database="$MARIADB_DATABASE"} < "$file" ;;
            *.sql.gz) say "running $file"; gunzip -c "$file" | sql ${MARIADB_DATABASE:+--database="$MARIADB_DATABASE"} ;;
            *.sql.xz) say "running $file"; xzcat "$file" | sql ${MARIADB_DATABASE:+--database="$MARIADB_DATABASE"} ;;
            */\*) ;;
            *) say "ignored: $file" ;;
        esac
    done
    # Last of all, so that what ran above needed no password.
    echo "SET PASSWORD FOR root@localhost = PASSWORD($password);" | sql
    kill $server
    wait $server || fail "the server does not stop after its initialization"
    say "initialized"
}

say "this is MariaDB $(mariadbd --no-defaults --version | awk '{ print $3 }')"
[ -d "$datadir/mysql" ] || initialize
exec "${command[@]}"
