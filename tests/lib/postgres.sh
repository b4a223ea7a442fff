# A Postgres server of our own on a free port, in a temporary folder. Sourced by tests/run.
#
# start_postgres FOLDER exports ASSAY_TEST_POSTGRES_URL, which names an empty database; stop_postgres FOLDER ends the server, if there is one.

# Postgres refuses to run as root.
as_postgres() {
  if [ "$(id -u)" -eq 0 ]; then
    (cd / && setpriv --reuid=postgres --regid=postgres --init-groups env HOME=/tmp "$@")
  else
    "$@"
  fi
}

postgres_program() {
  local found
  found=$(ls -d /usr/lib/postgresql/*/bin/"$1" 2>/dev/null | sort -V | tail -n 1)
  echo "${found:-$1}"
}

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

start_postgres() {
  local folder=$1/postgres port attempt
  # Each step has a server of its own: a step before may have left the folder of the one that it ran.
  rm -rf "$folder" && mkdir -p "$folder" && chmod 755 "$1"
  [ "$(id -u)" -eq 0 ] && chown postgres: "$folder"
  as_postgres "$(postgres_program initdb)" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync > "$folder/initdb.log" 2>&1 ||
    { cat "$folder/initdb.log"; return 1; }
  # Somebody else may take the port before the server does.
  for attempt in 1 2 3; do
    port=$(free_port)
    if as_postgres "$(postgres_program pg_ctl)" -D "$folder/data" -l "$folder/server.log" -w -t 60 \
      -o "-h 127.0.0.1 -p $port -k $folder -c fsync=off -c full_page_writes=off" start > /dev/null; then
      as_postgres "$(postgres_program psql)" -q -h 127.0.0.1 -p "$port" -U postgres -c 'CREATE DATABASE assay' || return 1
      export ASSAY_TEST_POSTGRES_URL="postgres://postgres@127.0.0.1:$port/assay"
      return 0
    fi
  done
  cat "$folder/server.log"
  return 1
}

stop_postgres() {
  [ -e "$1/postgres/data/postmaster.pid" ] || return 0
  as_postgres "$(postgres_program pg_ctl)" -D "$1/postgres/data" -m immediate -w stop > /dev/null 2>&1
}
