#!/bin/bash
# Puts postdesk and other mail servers under the same load, in turn, for some rounds, and prints the medians and the ratios between them.
#
#   bench/compare.sh [--install] [--rounds 3] [--peers "postfix postdesk-rsa …"] [--cases "kept large …"] [--results FILE] [--no-syncs] [--scale N]
#
# A peer is a file of peers/; after a hyphen stands which signatures it makes. One that is not installed is left out with a message; --install gets
# it from Debian (root). --results adds to a file of an earlier run, so that rounds may be made one at a time. --scale 10 sends a tenth of the mails.
# WORK is a folder on the disk that is to be measured; a new one under /var/tmp by default.
set -u
. "$(dirname "$0")/lib.sh"

rounds=3 peers='postfix postdesk-rsa postdesk-ed25519 opensmtpd rt ceiling-rsa ceiling-ed25519' cases='kept single large four' results=$WORK/results.tsv syncs=1 scale=1
while [ $# -gt 0 ]; do
  case $1 in
    --install) INSTALL=1 ;;
    --rounds) rounds=$2; shift ;;
    --peers) peers=$2; shift ;;
    --cases) cases=$2; shift ;;
    --results) results=$2; shift ;;
    --no-syncs) syncs= ;;
    --scale) scale=$2; shift ;;
    *) sed -n '2,8s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
  esac
  shift
done

# case_of NAME prints what is sent: bytes of text, connections, mails, and whether each mail has a connection of its own.
case_of() {
  case $1 in
    kept) echo '4096 10 2000' ;;
    single) echo '4096 10 1000 -single' ;;
    large) echo '102400 10 600' ;;
    four) echo '4096 4 1000' ;;
    sizes) for size in 1024 4096 16384 65536 262144 1048576; do echo "$size 10 $((size > 65536 ? 4194304 * 30 / size : 1000))"; done ;;
    *) fail "$1: no such case" ;;
  esac
}

# send NAME SIZE CONNECTIONS MAILS [FLAG…] sends mails to the peer and waits until all that they cause has come out.
send() {
  local name=$1 size=$2 connections=$3 mails=$4 to=(-addr "127.0.0.1:$in_port")
  shift 4
  mails=$((mails / scale))
  [ -z "${most:-}" ] || [ $mails -le "$most" ] || mails=$most
  [ -z "${command:-}" ] || to=(-command "$WORK/grouped $command")
  if [ -n "$group" ]; then to+=(-cgroup "$group"); else to+=(-pid "$pids"); fi
  sleep "$settle"
  "$load" send "${to[@]}" -to "$recipient" -from customer@client.example -sign "$WORK/customers.pem" -dns "127.0.0.1:$dns_port" \
    -sink "127.0.0.1:$sink_port" -size "$size" -connections "$connections" -mails "$mails" -limit 4m -ledger "$ledger" "$@" \
    -label "peer=$peer,case=$name,size=$size,connections=$connections,durable=$durable" >"$WORK/last.log" 2>&1 ||
    { echo "$peer, $name:"; grep -m5 FAULT "$WORK/last.log" || tail -3 "$WORK/last.log"; } >&2
}

# measure runs one peer through the cases that it takes part in.
measure() {
  local name line n=0 ledger=$WORK/warm.jsonl
  send warm 4096 4 $((40 * scale))
  for name in $cases; do
    [[ " $takes " == *" $name "* ]] || continue
    while read -r line; do
      ledger=$WORK/$peer-$((++n)).jsonl
      send "$name" $line -result "$results"
      [ "$(type -t peer_check)" != function ] || checked+=("$ledger")
    done < <(case_of "$name")
  done
}

# count_syncs starts the peer once more, under a filter in the kernel that stops it at syncs alone: each costs a little more, nothing else does.
count_syncs() {
  local before ledger=$WORK/syncs.jsonl mails=${most:-1000} log=$WORK/syncs.log
  peer_stop
  tracer="strace -D -f --seccomp-bpf -qq -e signal=none -e trace=fsync,fdatasync,msync,sync_file_range,syncfs -o $log"
  peer_start || return
  send syncs 4096 10 $((40 * scale))
  before=$(grep -c 'sync.*(' "$log")
  send syncs 4096 10 $((mails * scale))
  awk -v peer="$peer" -v mails="$mails" -v n=$(($(grep -c 'sync.*(' "$log") - before)) 'BEGIN { printf "%s\t%.2f\n", peer, n / mails }' >>"$results.syncs"
}

# peer_of NAME reads a peer's file.
peer_of() {
  peer=$1 variant= most= command= pids= settle=0.5
  [[ $peer != *-* ]] || variant=${peer#*-}
  . "$tree/bench/peers/${peer%%-*}.sh"
}

# there is false for a peer that is not installed.
there() (
  peer_of "$1"
  [ "$(type -t peer_packages)" != function ] || peer_packages
)

# take_turn starts a peer, measures it and ends it.
take_turn() (
  checked=()
  peer_of "$1"
  peer_prepare || fail "$peer could not be prepared"
  group_begin
  printf '#!/bin/sh\n%sexec "$@"\n' "${group:+echo \$\$ >$group/cgroup.procs; }" >"$WORK/grouped"
  chmod 755 "$WORK/grouped"
  trap 'peer_stop; group_end' EXIT
  peer_start || fail "$peer could not be started"
  measure
  [ -z "$syncs" ] || grep -qs "^$peer	" "$results.syncs" || count_syncs
  peer_stop
  for ledger in ${checked+"${checked[@]}"}; do
    peer_check "$ledger" >"$WORK/check.log" || { echo "$peer:"; head -5 "$WORK/check.log"; } >&2
  done
)

build || exit 1
key rsa client.example load "$WORK/customers.pem"
sink_port=$(free_port) dns_port=$(free_port)
present=
for name in $peers; do ! there "$name" || present+=" $name"; done
command -v strace >/dev/null || { syncs=; echo 'without strace no syncs are counted' >&2; }
echo "$WORK, in turn:$present"
for ((round = 1; round <= rounds; round++)); do
  for name in $present; do take_turn "$name" || echo "$name: no result in round $round" >&2; done
done
(cd "$tree" && go run ./bench/table "$results")
