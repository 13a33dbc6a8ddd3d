# postdesk itself. The acknowledgement and the agent's copy are signed with $variant: rsa, ed25519 or none.
# PER_HOST is relay.connections_per_host; 20 is what Postfix has by default for one destination. DATA is a data directory that is used as it is,
# and grows; by default a new one is begun.
: "${variant:=rsa}"
durable='synced before 250'
recipient=support@desk.example
takes='kept single large four sizes'

peer_prepare() {
  in_port=$(free_port)
  home=$WORK/postdesk-$variant
  mkdir -p "$home"
  [ -n "${DATA:-}" ] || rm -rf "$home/data"
  data=${DATA:-$home/data}
  desk_config >"$home/config.toml"
  version="postdesk $("$WORK/postdesk" version | head -1)"
}

# desk_config prints a configuration for mail that comes from one address and few domains: the limits and caps on both are off.
desk_config() {
  local signed=
  if [ "$variant" != none ]; then
    key "$variant" desk.example bench "$WORK/desk-$variant.pem"
    signed=$(printf '[[dkim]]\ndomain = "desk.example"\nselector = "bench"\nkey = "%s"\n' "$WORK/desk-$variant.pem")
  fi
  cat <<TOML
hostname = "mx.desk.example"
data_dir = "$data"
postmaster = "it@corp.example"

[listen]
mx = ["127.0.0.1:$in_port"]
submission = []
submissions = []
http = []
admin = "unix:$home/admin.sock"

[dns]
resolver = "127.0.0.1:$dns_port"

[limits]
connections_per_ip = 1000
messages_per_ip = ""

[acknowledge]
per_address = ""
per_address_day = ""
per_domain = ""
breaker = ""

[relay]
smarthost = "127.0.0.1:$sink_port"
connections_per_host = ${PER_HOST:-20}
retry = ["1s"]

$signed
$people
TOML
}

peer_start() {
  (enter_group; exec $tracer "$WORK/postdesk" serve --config "$home/config.toml" >"$home/log" 2>&1) &
  pids=$!
  wait_port "$in_port" "$pids" || { tail -5 "$home/log" >&2; return 1; }
}

peer_stop() {
  kill "$pids" 2>/dev/null
  wait "$pids" 2>/dev/null
  true
}

# peer_check looks into the data directory after the end: every mail of the ledger is there once.
peer_check() { "$load" check -ledger "$1" -data "$data"; }
