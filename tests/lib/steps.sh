# Running steps: one line each, the log of one that fails, the closing line. Sourced by tests/run.

passed=0
failed=0
RUNNING=

# run NAME SECONDS: step_NAME in a process group of its own, ended after so many seconds, with its output in a log.
run() {
  local name=$1 limit=$2 log=$LOGS/$1.log started=${EPOCHREALTIME/[.,]/} code word=ok tenths watch
  set -m
  (set +m; "step_$name") > "$log" 2>&1 < /dev/null &
  RUNNING=$!
  (sleep "$limit"; echo "ended: took longer than $limit s" >> "$log"; kill -TERM -- "-$RUNNING") > /dev/null 2>&1 < /dev/null &
  watch=$!
  set +m
  wait "$RUNNING"
  code=$?
  kill -- "-$watch" 2> /dev/null
  wait "$watch" 2> /dev/null
  RUNNING=
  stop_postgres "$TEMP"
  tenths=$(((${EPOCHREALTIME/[.,]/} - started) / 100000))
  if [ $code -eq 0 ]; then passed=$((passed + 1)); else failed=$((failed + 1)) word=FAILED; fi
  printf '%-6s %-14s %6d.%d s  %s\n' "$word" "$name" $((tenths / 10)) $((tenths % 10)) "$(summary "$log" $code)"
  [ $code -eq 0 ] || tail -n 80 "$log" | sed 's/^/       | /'
  return $code
}

# What a log says in one line.
summary() {
  if grep -q '^test result:' "$1"; then
    awk '/^test result:/ { ok += $4; bad += $6 } END { printf "%d Rust tests, %d failed", ok, bad }' "$1"
  elif [ "$2" -eq 0 ]; then
    tail -n 1 "$1" | cut -c1-120
  else
    echo "log: $1"
  fi
}

finish() {
  echo "$passed passed, $failed failed"
  [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
  exit
}

clean_up() {
  local code=$?
  if [ -n "$RUNNING" ]; then kill -TERM -- "-$RUNNING" 2> /dev/null; fi
  stop_postgres "$TEMP"
  rm -rf "$TEMP"
  exit $code
}
