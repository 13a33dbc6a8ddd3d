#!/bin/bash
# Builds postdesk and postdesk-load, starts a fresh server on loopback, sends mails through it, and checks the ledger against
# the running server and against its data directory. Needs Go and Linux, nothing else, and no root.
#
#   MAILS=2000 CONNECTIONS=10 SIZE=4096 SINGLE= SIGN=rsa DROP_EVERY=0 bench/run.sh
#
# SIGN is rsa, ed25519 or none: what the customers' mails, the acknowledgements and the copies are signed with. WORK is a folder on the disk that is
# to be measured (a new one under /var/tmp by default); it is left there, with the server's log and the ledger.
set -eu
cd "$(dirname "$0")/.."
: "${MAILS:=2000}" "${CONNECTIONS:=10}" "${SIZE:=4096}" "${SINGLE:=}" "${SIGN:=rsa}" "${DROP_EVERY:=0}" "${PORT:=2545}" "${SINK:=127.0.0.1:2626}" "${DNS:=127.0.0.1:5354}"
: "${WORK:=$(mktemp -d /var/tmp/postdesk-bench.XXXXXX)}"
mkdir -p "$WORK"
rm -rf "$WORK/data"
go build -o "$WORK/" ./cmd/postdesk ./cmd/postdesk-load

dkim= sign=
if [ "$SIGN" != none ]; then
  rm -f "$WORK/key.pem"
  sign="-sign $WORK/key.pem"
  "$WORK/postdesk" dkim new --domain desk.example --selector bench --algorithm "$SIGN" --out "$WORK/key.pem" >/dev/null
  dkim=$(printf '[[dkim]]\ndomain = "desk.example"\nselector = "bench"\nkey = "%s"\n' "$WORK/key.pem")
fi
cat >"$WORK/config.toml" <<TOML
hostname = "mx.desk.example"
data_dir = "$WORK/data"
postmaster = "it@corp.example"

[listen]
mx = ["127.0.0.1:$PORT"]
submission = []
submissions = []
http = []
admin = "unix:$WORK/admin.sock"

[dns]
resolver = "$DNS"

[limits]                        # all mails come from one address
connections_per_ip = 1000
messages_per_ip = ""

[acknowledge]                   # and the same few domains
per_address = ""
per_address_day = ""
per_domain = ""
breaker = ""

[relay]
smarthost = "$SINK"
connections_per_host = ${PER_HOST:-20}
retry = ["1s"]

$dkim
[[agent]]
id = "anne"
name = "Anne Durand"
address = "anne@corp.example"

[[team]]
name = "Support"
address = "support@desk.example"
agents = ["anne"]
language = "en"
TOML

"$WORK/postdesk" serve --config "$WORK/config.toml" >"$WORK/log" 2>&1 &
server=$!
trap 'kill $server 2>/dev/null || true' EXIT
for _ in $(seq 100); do
  (exec 3<>"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null && break
  kill -0 $server 2>/dev/null || { tail -5 "$WORK/log"; exit 1; }
  sleep 0.1
done

"$WORK/postdesk-load" send -addr "127.0.0.1:$PORT" -to support@desk.example -mails "$MAILS" -connections "$CONNECTIONS" -size "$SIZE" \
  ${SINGLE:+-single} -from customer@client.example -dns "$DNS" $sign -sink "$SINK" -drop-every "$DROP_EVERY" -pid $server -ledger "$WORK/ledger.jsonl"
"$WORK/postdesk-load" check -ledger "$WORK/ledger.jsonl" -socket "unix:$WORK/admin.sock"
kill $server
wait $server || true
"$WORK/postdesk-load" check -ledger "$WORK/ledger.jsonl" -data "$WORK/data"
echo "left in $WORK"
