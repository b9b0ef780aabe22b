#!/bin/bash
# Starts MySQL the way the official image does: the same variables, files, user and socket.
# Differences are said on start: an option that MySQL 9 no longer has is left out, time zone tables are not loaded.
set -eo pipefail

say() { echo "[entrypoint, locally made mysql image] $*"; }
fail() { say "ERROR: $*" >&2; exit 1; }

# Takes NAME from the file named by NAME_FILE, unless it is set; the second argument is the default.
from_file() {
    local name=$1 file="${1}_FILE" value=${2:-}
    if [ -n "${!name:-}" ] && [ -n "${!file:-}" ]; then fail "both $name and $file are set"; fi
    if [ -n "${!name:-}" ]; then value=${!name}; elif [ -n "${!file:-}" ]; then value=$(< "${!file}"); fi
    export "$name=$value"
    unset "$file"
}

# Writes a text as an SQL string.
quote() {
    local text=${1//\\/\\\\}
    printf "'%s'" "${text//\'/\'\'}"
}

case "${1:-}" in
    -*) set -- mysqld "$@" ;;
    '') set -- mysqld ;;
esac
[ "$1" = mysqld ] || exec "$@"

command=(mysqld)
shift
for option in "$@"; do
    case "$option" in
        --mysql-native-password | --mysql-native-password=* | --mysql_native_password=* | \
            --default-authentication-plugin=* | --default_authentication_plugin=* | \
            --authentication-policy=mysql_native_password* | --authentication_policy=mysql_native_password*)
            say "left out: $option (MySQL 9 has no mysql_native_password; accounts use caching_sha2_password)" ;;
        *) command+=("$option") ;;
    esac
done
for option in "${command[@]}"; do
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

from_file MYSQL_ROOT_HOST '%'
from_file MYSQL_ROOT_PASSWORD
from_file MYSQL_DATABASE
from_file MYSQL_USER
from_file MYSQL_PASSWORD

sql() { mysql --no-defaults --protocol=socket --user=root --socket="$socket" --comments "$@"; }
# The official image's own name for it, which files in /docker-entrypoint-initdb.d may use.
docker_process_sql() { sql "$@"; }

initialize() {
    [ -n "$MYSQL_ROOT_PASSWORD$MYSQL_ALLOW_EMPTY_PASSWORD$MYSQL_RANDOM_ROOT_PASSWORD" ] ||
        fail "the data folder is empty: set MYSQL_ROOT_PASSWORD, MYSQL_ALLOW_EMPTY_PASSWORD or MYSQL_RANDOM_ROOT_PASSWORD"
    [ "$MYSQL_USER" != root ] || fail "MYSQL_USER makes a further user and cannot be root"
    say "initializing $datadir"
    "${command[@]}" --initialize-insecure --default-time-zone=SYSTEM
    "${command[@]}" --skip-networking --mysqlx=OFF --default-time-zone=SYSTEM --socket="$socket" &
    local server=$! tries=0
    until echo 'SELECT 1;' | sql > /dev/null 2>&1; do
        tries=$((tries + 1))
        [ $tries -lt 600 ] && kill -0 $server 2> /dev/null || fail "the server does not start for its initialization"
        sleep 0.1
    done
    if [ -n "${MYSQL_RANDOM_ROOT_PASSWORD:-}" ]; then
        MYSQL_ROOT_PASSWORD=$(head -c 24 /dev/urandom | base64)
        say "GENERATED ROOT PASSWORD: $MYSQL_ROOT_PASSWORD"
    fi
    local password
    password=$(quote "$MYSQL_ROOT_PASSWORD")
    {
        if [ "$MYSQL_ROOT_HOST" != localhost ]; then
            echo "CREATE USER root@$(quote "$MYSQL_ROOT_HOST") IDENTIFIED BY $password;"
            echo "GRANT ALL ON *.* TO root@$(quote "$MYSQL_ROOT_HOST") WITH GRANT OPTION;"
        fi
        if [ -n "$MYSQL_DATABASE" ]; then echo "CREATE DATABASE IF NOT EXISTS \`$MYSQL_DATABASE\`;"; fi
        if [ -n "$MYSQL_USER" ] && [ -n "$MYSQL_PASSWORD" ]; then
            echo "CREATE USER $(quote "$MYSQL_USER")@'%' IDENTIFIED BY $(quote "$MYSQL_PASSWORD");"
            if [ -n "$MYSQL_DATABASE" ]; then
                echo "GRANT ALL ON \`${MYSQL_DATABASE//_/\\_}\`.* TO $(quote "$MYSQL_USER")@'%';"
            fi
        fi
    } | sql
    local file
    for file in /docker-entrypoint-initdb.d/*; do
        case "$file" in
            *.sh) say "running $file"; if [ -x "$file" ]; then "$file"; else . "$file"; fi ;;
            *.sql) say "running $file"; sql ${MYSQL_DATABASE:+--database="$MYSQL_DATABASE"} < "$file" ;;
            *.sql.gz) say "running $file"; gunzip -c "$file" | sql ${MYSQL_DATABASE:+--database="$MYSQL_DATABASE"} ;;
            *.sql.xz) say "running $file"; xzcat "$file" | sql ${MYSQL_DATABASE:+--database="$MYSQL_DATABASE"} ;;
            */\*) ;;
            *) say "ignored: $file" ;;
        esac
    done
    # Last of all, so that what ran above needed no password.
    echo "ALTER USER root@localhost IDENTIFIED BY $password;" | sql
    kill $server
    wait $server || fail "the server does not stop after its initialization"
    say "initialized"
}

say "this is MySQL $(mysqld --no-defaults --version | awk '{ print $3 }')"
[ -d "$datadir/mysql" ] || initialize
exec "${command[@]}"
