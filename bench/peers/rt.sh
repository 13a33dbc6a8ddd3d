# Request Tracker 5 from Debian on PostgreSQL, as a mail server's alias would feed it: rt-mailgate once for each mail. A new ticket makes two mails: the
# answer to the requester and the notice to the queue's AdminCc. Starman has WORKERS processes, the program loaded before they fork. RT's mails leave through
# a sendmail that hands them straight to the sink, which is less work than a real one; neither is any signature verified or made.
: "${WORKERS:=4}"
durable='synced before the end of rt-mailgate'
recipient=support@desk.example
takes='four'
most=60 # mails of a case: RT is slow
home=$WORK/rt
queue=General

peer_packages() { installed postgresql request-tracker5 rt5-clients rt5-db-postgresql rt5-standalone starman; }

peer_prepare() {
  [ "$(id -u)" = 0 ] || fail 'Request Tracker can only be set up by root'
  in_port=$(free_port)
  database_port=$(free_port)
  postgres=$(ls -d /usr/lib/postgresql/*/bin | tail -1)
  version=$(versions request-tracker5 "postgresql-$(basename "${postgres%/bin}")")
  command="rt-mailgate --queue $queue --action correspond --url http://127.0.0.1:$in_port/"
  mkdir -p "$home/config.d"
  printf '#!/bin/sh\nexec %s sendmail -sink 127.0.0.1:%s\n' "$load" "$sink_port" >"$home/sendmail"
  chmod 755 "$home/sendmail"
  site_config >"$home/RT_SiteConfig.pm"
  export RT_SITE_CONFIG=$home/RT_SiteConfig.pm RT_SITE_CONFIG_DIR=$home/config.d
  [ -f "$home/ready" ] || database
  as_postgres sed -i "s/^port = .*/port = $database_port/" "$home/database/postgresql.conf"
}

site_config() {
  cat <<CONF
Set(\$rtname, 'desk.example');
Set(\$Organization, 'desk.example');
Set(\$CorrespondAddress, 'support\@desk.example');
Set(\$CommentAddress, 'comment\@desk.example');
Set(\$WebDomain, '127.0.0.1');
Set(\$WebPort, $in_port);
Set(\$WebPath, '');
Set(\$DatabaseType, 'Pg');
Set(\$DatabaseHost, '127.0.0.1');
Set(\$DatabasePort, $database_port);
Set(\$DatabaseName, 'rt5');
Set(\$DatabaseUser, 'rtuser');
Set(\$DatabasePassword, 'rtpass');
Set(\$MailCommand, 'sendmailpipe');
Set(\$SendmailPath, '$home/sendmail');
Set(\$LogToSyslog, undef);
Set(\$LogToSTDERR, 'error');
Set(%GnuPG, Enable => 0);
Set(%SMIME, Enable => 0);
1;
CONF
}

as_postgres() { (cd "$home" && setpriv --reuid postgres --regid postgres --clear-groups "$@"); }

# database makes a cluster with RT's tables, a queue that everyone may write to, and an agent who hears of each new ticket.
database() {
  rm -rf "$home/database"
  install -d -o postgres -g postgres -m 700 "$home/database"
  as_postgres "$postgres/initdb" -D "$home/database" -A trust -U postgres -E UTF8 --locale=C.UTF-8 >"$home/setup.log" 2>&1 || return 1
  printf "port = %s\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = '%s'\n" "$database_port" "$home/database" >>"$home/database/postgresql.conf"
  as_postgres "$postgres/pg_ctl" -D "$home/database" -l "$home/database/log" -w start >/dev/null || return 1
  rt-setup-database-5 --action init --dba postgres --dba-password none >>"$home/setup.log" 2>&1 </dev/null &&
    grants | perl - >>"$home/setup.log" 2>&1 && touch "$home/ready"
  as_postgres "$postgres/pg_ctl" -D "$home/database" -w -m fast stop >/dev/null
  [ -f "$home/ready" ] || fail "Request Tracker could not be set up, see $home/setup.log"
}

grants() {
  cat <<'PERL'
use lib '/usr/share/request-tracker5/lib';
use RT -init;
sub must { my ($ok, $why) = @_; die "$why\n" unless $ok }
my $queue = RT::Queue->new(RT->SystemUser);
must($queue->Load('General'), 'no queue');
my $everyone = RT::Group->new(RT->SystemUser);
must($everyone->LoadSystemInternalGroup('Everyone'), 'no group');
must($everyone->PrincipalObj->GrantRight(Right => $_, Object => $queue)) for qw(SeeQueue CreateTicket ReplyToTicket);
my $agent = RT::User->new(RT->SystemUser);
must($agent->Create(Name => 'anne', EmailAddress => 'anne@corp.example', Privileged => 1));
must($agent->PrincipalObj->GrantRight(Right => $_, Object => $queue)) for qw(SeeQueue ShowTicket OwnTicket ModifyTicket WatchAsAdminCc);
must($queue->AddWatcher(Type => 'AdminCc', PrincipalId => $agent->PrincipalId));
PERL
}

peer_start() {
  (enter_group; exec $tracer setpriv --reuid postgres --regid postgres --clear-groups "$postgres/pg_ctl" -D "$home/database" -l "$home/database/log" -w start >/dev/null) || return 1
  (enter_group; exec starman --listen "127.0.0.1:$in_port" --workers "$WORKERS" --user www-data --preload-app /usr/share/request-tracker5/libexec/rt-server >"$home/log" 2>&1) &
  web=$!
  wait_port "$in_port" "$web" || { tail -5 "$home/log" >&2; return 1; }
  pids=$web,$(head -1 "$home/database/postmaster.pid")
}

peer_stop() {
  kill "$web" 2>/dev/null
  wait "$web" 2>/dev/null
  as_postgres "$postgres/pg_ctl" -D "$home/database" -w -m fast stop >/dev/null 2>&1
  true
}
