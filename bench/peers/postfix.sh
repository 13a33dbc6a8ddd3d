# Postfix from Debian: an alias makes two mails of one, each its own delivery. One opendkim verifies and one signs RSA-2048, once for both
# mails, which are the same. Queue, processes and syncs are Debian's defaults. opendkim has the customers' key in a file: its resolver
# does not bear many questions at a time, and it spares it the lookups.
durable='synced before 250'
recipient=support@desk.example
takes='kept single large sizes'
home=$WORK/postfix

peer_packages() { installed postfix opendkim; }

peer_prepare() {
  [ "$(id -u)" = 0 ] || fail 'Postfix can only be started by root'
  in_port=$(free_port)
  version=$(versions postfix opendkim)
  rm -rf "$home"
  mkdir -p "$home"/{etc,spool,data,log}
  chown postfix "$home/data"
  key rsa desk.example bench "$WORK/desk-rsa.pem"
  cp "$WORK/desk-rsa.pem" "$home/sign.pem"
  chmod 600 "$home/sign.pem"
  milters
  main_cf >"$home/etc/main.cf"
  master_cf >"$home/etc/master.cf"
  cp /etc/postfix/postfix-files /etc/postfix/dynamicmaps.cf "$home/etc/"
}

milters() {
  echo "load._domainkey.client.example $(cat "$WORK/customers.pem.txt")" >"$home/keys"
  echo "bench desk.example:bench:$home/sign.pem" >"$home/keytable"
  echo '* bench' >"$home/signers"
  echo 192.0.2.1 >"$home/nobody" # mail from loopback is verified, too
  cat >"$home/verify.conf" <<CONF
Mode v
Syslog no
Socket local:$home/verify.sock
UMask 000
PidFile $home/verify.pid
TestPublicKeys $home/keys
InternalHosts $home/nobody
ExternalIgnoreList $home/nobody
On-BadSignature reject
On-KeyNotFound reject
CONF
  cat >"$home/sign.conf" <<CONF
Mode s
Syslog no
Socket local:$home/sign.sock
UMask 000
PidFile $home/sign.pid
KeyTable $home/keytable
SigningTable refile:$home/signers
Canonicalization relaxed/relaxed
SignatureAlgorithm rsa-sha256
RequireSafeKeys no
CONF
}

main_cf() {
  cat <<CONF
compatibility_level = 3.6
queue_directory = $home/spool
data_directory = $home/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = mx.desk.example
myorigin = desk.example
mydestination =
local_transport = error:there is none
alias_maps =
virtual_alias_domains = desk.example
virtual_alias_maps = inline:{{$recipient=anne@corp.example,customer@client.example}}
smtp_destination_recipient_limit = 1
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
disable_dns_lookups = yes
smtp_host_lookup = native
relayhost = [127.0.0.1]:$sink_port
message_size_limit = 35000000
maillog_file = $home/log/maillog
maillog_file_prefixes = $home/
smtpd_milters = unix:$home/verify.sock, unix:$home/sign.sock
milter_default_action = tempfail
CONF
}

# master_cf is Debian's own, on our port and without chroot.
master_cf() {
  awk -v at="127.0.0.1:$in_port" '/^#/ { next } $1 == "smtp" && $2 == "inet" { $1 = at } /^[^[:space:]]/ { $5 = "n" } { print }' /etc/postfix/master.cf.proto
}

peer_start() {
  (enter_group; exec opendkim -x "$home/verify.conf") || return 1
  (enter_group; exec opendkim -x "$home/sign.conf") || return 1
  (enter_group; exec $tracer postfix -c "$home/etc" start >"$home/log/start" 2>&1) || { cat "$home/log/start" >&2; return 1; }
  wait_port "$in_port" || { tail -5 "$home/log/maillog" >&2; return 1; }
  pids=$(tr -d ' ' <"$home/spool/pid/master.pid"),$(cat "$home/verify.pid"),$(cat "$home/sign.pid")
}

peer_stop() {
  postfix -c "$home/etc" stop >/dev/null 2>&1
  local pid
  for pid in $(cat "$home/verify.pid" "$home/sign.pid" 2>/dev/null); do
    kill "$pid" 2>/dev/null && gone "$pid"
  done
  true
}
