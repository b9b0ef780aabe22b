#!/bin/bash
# The two checks of the official healthcheck.sh that need no replication or cluster: --connect and --innodb_initialized.
set -eo pipefail

client=(mariadb "--defaults-extra-file=${MARIADB_HEALTHCHECK_CNF:-/var/lib/mysql/.my-healthcheck.cnf}" --batch --skip-column-names)
[ $# -gt 0 ] || { echo "healthcheck.sh: name a check: --connect, --innodb_initialized" >&2; exit 1; }
for check in "$@"; do
    case "$check" in
        --connect) "${client[@]}" --host=127.0.0.1 --protocol=tcp --execute 'SELECT 1' > /dev/null ;;
        --innodb_initialized)
            [ "$("${client[@]}" --protocol=socket --execute "SELECT 1 FROM information_schema.ENGINES WHERE engine='innodb' AND support IN ('YES', 'DEFAULT', 'ENABLED')")" = 1 ] ;;
        *) echo "healthcheck.sh: $check is not served by this locally made image" >&2; exit 1 ;;
    esac
done
