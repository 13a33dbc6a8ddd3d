# A ceiling probe: a program that does what can't be left out (take the mail, verify it, one log with a shared sync before the 250, sign both
# mails, deliver both) and nothing else: no tickets, no index, no retries. CEILING is the folder of its source; it is left out where that is absent.
# Its flags: -listen and -sink (host:port), -dir, -keys (a folder with rsa.pem, which customers sign with too, and ed.pem), -sign, -nsign.
: "${variant:=rsa}" "${CEILING:=$tree/../shared/bench/proto}"
durable='synced before 250'
recipient=support@desk.example
takes='kept'
home=$WORK/ceiling-$variant

peer_packages() { [ -f "$CEILING/main.go" ] || { echo "the ceiling probe is not there ($CEILING)" >&2; return 1; }; }

peer_prepare() {
  in_port=$(free_port)
  version='ceiling probe'
  mkdir -p "$home/data"
  (cd "$CEILING" && go build -o "$home/probe" .) || return 1
  key ed25519 desk.example bench "$WORK/desk-ed25519.pem"
  cp "$WORK/desk-ed25519.pem" "$home/ed.pem"
  openssl rsa -traditional -in "$WORK/customers.pem" -out "$home/rsa.pem" 2>/dev/null
}

peer_start() {
  (enter_group; exec $tracer "$home/probe" -listen "127.0.0.1:$in_port" -sink "127.0.0.1:$sink_port" -dir "$home/data" -keys "$home" -sign "$variant" -nsign 2 >"$home/log" 2>&1) &
  pids=$!
  wait_port "$in_port" "$pids" || { tail -5 "$home/log" >&2; return 1; }
}

peer_stop() {
  kill "$pids" 2>/dev/null
  wait "$pids" 2>/dev/null
  true
}
