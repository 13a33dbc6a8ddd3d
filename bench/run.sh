#!/bin/bash
# Builds postdesk and postdesk-load, starts a fresh server on loopback, sends mails through it, and checks the ledger against
# the running server and against its data directory. Needs Go and Linux, nothing else, and no root.
#
#   MAILS=2000 CONNECTIONS=10 SIZE=4096 SINGLE= SIGN=rsa DROP_EVERY=0 bench/run.sh
#
# SIGN is rsa, ed25519 or none: what the acknowledgements and the copies are signed with; customers' mails are signed RSA-2048. WORK is a
# folder on the disk that is to be measured (a new one under /var/tmp by default); it is left there, with the server's log and the ledger.
# DATA is a data directory to go on with, for one by `postdesk-load fill`, in which nothing is checked, since all of it would be read; RESULT a file that gets a line of results, which LABEL begins.
set -eu
. "$(dirname "$0")/lib.sh"
: "${MAILS:=2000}" "${CONNECTIONS:=10}" "${SIZE:=4096}" "${SINGLE:=}" "${SIGN:=rsa}" "${DROP_EVERY:=0}"
build
key rsa client.example load "$WORK/customers.pem"
variant=$SIGN sink_port=$(free_port) dns_port=$(free_port)
. "$tree/bench/peers/postdesk.sh"
peer_prepare
trap peer_stop EXIT
peer_start

"$load" send -addr "127.0.0.1:$in_port" -to $recipient -mails "$MAILS" -connections "$CONNECTIONS" -size "$SIZE" ${SINGLE:+-single} \
  -from customer@client.example -dns "127.0.0.1:$dns_port" -sign "$WORK/customers.pem" -sink "127.0.0.1:$sink_port" -drop-every "$DROP_EVERY" \
  -pid "$pids" -result "${RESULT:-}" -label "peer=postdesk-$SIGN${LABEL:+,$LABEL}" -ledger "$WORK/ledger.jsonl"
[ -n "${DATA:-}" ] || "$load" check -ledger "$WORK/ledger.jsonl" -socket "unix:$home/admin.sock"
peer_stop
[ -n "${DATA:-}" ] || peer_check "$WORK/ledger.jsonl"
echo "left in $WORK"
