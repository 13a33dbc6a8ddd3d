#!/bin/bash
# Thousands of clients that say a byte every ten seconds, from hundreds of addresses of 127.1.0.0/16, while one healthy client hands over
# its mails: what that one waits, what the server takes, and whether all of it is given back. Twice: with the limits as they are by default
# (1000 connections, 20 of an address), and with room for all.
#
#   CONNECTIONS=5000 MAILS=300 EVERY=10s bench/slow.sh
#
# The exit status is 1 when the healthy client's p99 is over 1 s or the server takes more than 400 MB.
set -eu
. "$(dirname "$0")/lib.sh"
: "${CONNECTIONS:=5000}" "${MAILS:=300}" "${EVERY:=10s}" "${BUILD:=1}"
hard=$(ulimit -Hn)
[ "$hard" = unlimited ] || [ "$hard" -ge $((CONNECTIONS + 1000)) ] || fail "$hard open files are allowed; $((CONNECTIONS + 1000)) are needed: ulimit -n"
ulimit -n "$hard"
[ -z "$BUILD" ] || build

# measure NAME LIMITS
measure() {
  local port http dns pid status=0
  port=$(free_port) http=$(free_port) dns=127.0.0.1:$(free_port)
  rm -rf "$WORK/data"
  cat >"$WORK/slow.toml" <<TOML
hostname = "mx.desk.example"
data_dir = "$WORK/data"
postmaster = "it@corp.example"
[listen]
mx = ["127.0.0.1:$port"]
submission = []
submissions = []
http = ["127.0.0.1:$http"]
admin = "unix:$WORK/admin.sock"
[dns]
resolver = "$dns"
[limits]
messages_per_ip = ""
min_free_disk = "1MB"
$2
[relay]
smarthost = "127.0.0.1:1"
$people
TOML
  "$WORK/postdesk" serve --config "$WORK/slow.toml" >"$WORK/slow-$1.log" 2>&1 &
  pid=$!
  wait_port "$port" $pid && wait_port "$http" $pid || { tail -5 "$WORK/slow-$1.log"; exit 1; }
  echo "== $1"
  "$load" slow -addr "127.0.0.1:$port" -to support@desk.example -connections "$CONNECTIONS" -mails "$MAILS" -every "$EVERY" -dns "$dns" \
    -metrics "http://127.0.0.1:$http/metrics" -pid $pid -p99 1000 -memory 400 || status=1
  kill $pid
  wait $pid || true
  return $status
}

failed=0
measure default "" || failed=1
measure raised "connections = $((CONNECTIONS + 1000))" || failed=1
exit $failed
