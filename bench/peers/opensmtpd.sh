# OpenSMTPD from Debian: an alias makes two mails of one, each through a relay of its own. It syncs nothing before its 250 (the column of syncs shows
# it), so it is measured doing less. Its limits on mails per session and on new connections are raised, without which it waits.
#
# Its package and Postfix's exclude each other, and its paths and users are compiled in: the package is unpacked, and the program runs in a
# mount namespace of its own where these paths are folders of ours. Nothing outside $WORK changes.
durable='not synced'
recipient=support@desk.example
takes='kept large'
most=600 # mails of a case
settle=12 # s until it has ended its idle connections: one that ends while it is being used is tried again only much later
home=$WORK/opensmtpd

peer_packages() {
  [ ! -x "$home/package/usr/sbin/smtpd" ] || return 0
  [ -n "${INSTALL:-}" ] || { echo 'OpenSMTPD is not there (--install gets it)' >&2; return 1; }
  installed libevent-2.1-7 libdb5.3 || return 1
  mkdir -p "$home/package"
  (cd "$home" && apt-get -q download opensmtpd && dpkg -x opensmtpd_*.deb package) >"$WORK/apt.log" 2>&1
}

peer_prepare() {
  [ "$(id -u)" = 0 ] || fail 'OpenSMTPD can only be started by root'
  in_port=$(free_port)
  version="opensmtpd $(cd "$home" && ls opensmtpd_*.deb | cut -d_ -f2)"
  rm -rf "$home"/{spool,libexec,lib,etc}
  mkdir -p "$home"/{spool/smtpd,libexec,lib/opensmtpd/empty,etc}
  chmod 711 "$home/spool/smtpd"
  cp -r "$home/package/usr/libexec/opensmtpd" "$home/libexec/"
  accounts
  smtpd_conf >"$home/smtpd.conf"
}

# accounts are the machine's, and OpenSMTPD's.
accounts() {
  local entry name id
  cp /etc/passwd /etc/group "$home/etc/"
  for entry in opensmtpd:990 opensmtpq:991 vmail:992; do
    IFS=: read -r name id <<<"$entry"
    echo "$name:x:$id:$id::/var/lib/opensmtpd/empty:/bin/false" >>"$home/etc/passwd"
    echo "$name:x:$id:" >>"$home/etc/group"
  done
}

smtpd_conf() {
  cat <<CONF
table both { "$recipient" = "anne@corp.example,customer@client.example" }
smtp limit max-mails 1000000
mta limit session-mail-max 1000000
mta limit conn-delay-route 0
mta limit conn-delay-relay 0
mta limit reconn-delay-route 0
mta limit max-conn-per-route 20
mta limit max-conn-per-host 20
listen on 127.0.0.1 port $in_port hostname mx.desk.example
action "two" maildir "/nonexistent" virtual <both> user "vmail"
action "agent" relay host "smtp://localhost:$sink_port"
action "customer" relay host "smtp://127.0.0.1:$sink_port"
match from any for domain "desk.example" action "two"
match from any for domain "corp.example" action "agent"
match from any for any action "customer"
CONF
}

peer_start() {
  local script='cd "$1" && mount --bind etc/passwd /etc/passwd && mount --bind etc/group /etc/group && mount --bind libexec /usr/libexec &&
    mount --bind lib /var/lib && mount --bind spool /var/spool && exec package/usr/sbin/smtpd -F -f "$1/smtpd.conf"'
  (enter_group; exec $tracer unshare --mount --propagation private sh -c "$script" sh "$home" >"$home/log" 2>&1) &
  pids=$!
  wait_port "$in_port" "$pids" || { tail -5 "$home/log" >&2; return 1; }
}

peer_stop() {
  kill "$pids" 2>/dev/null
  wait "$pids" 2>/dev/null
  true
}
