# What the scripts of this folder share. Everything lies in the folder $WORK, ports are free ones of 127.0.0.1, and what is ended at the
# end is what was started here. Sourced, not run.
tree=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
PATH=$PATH:/usr/sbin:/sbin
: "${WORK:=$(mktemp -d /var/tmp/postdesk-bench.XXXXXX)}"
mkdir -p "$WORK"
chmod 755 "$WORK" # peers run as users of their own
WORK=$(cd "$WORK" && pwd)
load=$WORK/postdesk-load
tracer= # a command before that of a peer

fail() { echo "$*" >&2; exit 1; }

build() { (cd "$tree" && go build -o "$WORK/" ./cmd/postdesk ./cmd/postdesk-load); }

# free_port prints a port that nobody listens on.
free_port() {
  local port
  while :; do
    port=$((20000 + RANDOM % 12000)) # below the ports that the kernel gives to clients
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
  done
  echo "$port"
}

# wait_port PORT [PID] waits until someone listens, at most 30 s, or until PID has ended.
wait_port() {
  local i
  for ((i = 0; i < 300; i++)); do
    (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null && return 0
    [ -z "${2:-}" ] || kill -0 "$2" 2>/dev/null || return 1
    sleep 0.1
  done
  return 1
}

# gone PID waits until a process that is not our child has ended, at most 10 s.
gone() {
  local i
  for ((i = 0; i < 100; i++)); do
    kill -0 "$1" 2>/dev/null || return 0
    sleep 0.1
  done
  return 1
}

# key ALGORITHM DOMAIN SELECTOR FILE makes a DKIM key, and FILE.txt: the value of its TXT record.
key() {
  [ -f "$4" ] || "$WORK/postdesk" dkim new --domain "$2" --selector "$3" --algorithm "$1" --out "$4" | grep -o '"[^"]*"' | tr -d '"\n' >"$4.txt"
}

# A peer's processes are in a control group of their own, so that those that come and go are counted too. Where there is none (no root, or
# /sys is read-only), the peer says which processes are its first, in $pids.
group=
group_begin() {
  local root=/sys/fs/cgroup
  [ ! -d $root/cpuacct ] || root=$root/cpuacct
  group=$root/postdesk-bench-$$-$BASHPID
  mkdir "$group" 2>/dev/null && (echo $BASHPID >"$group/cgroup.procs") 2>/dev/null || group=
  [ -z "$group" ] || [ -e "$group/cpuacct.usage" ] || [ -e "$group/cpu.stat" ] || { rmdir "$group"; group=; }
}

# enter_group moves the shell that calls it into the group: (enter_group; exec program) & leaves the number of program in $!.
enter_group() { [ -z "$group" ] || echo $BASHPID >"$group/cgroup.procs"; }

# group_end ends what is left in the group, by its numbers.
group_end() {
  local i pid left
  [ -n "$group" ] || return 0
  for ((i = 0; i < 40; i++)); do
    left=
    for pid in $(cat "$group/cgroup.procs"); do
      left=1
      if [ $i -lt 20 ]; then kill "$pid"; else kill -9 "$pid"; fi 2>/dev/null
    done
    [ -n "$left" ] || break
    sleep 0.2
  done
  rmdir "$group"
}

# group_pids prints the processes that live now.
group_pids() { if [ -n "$group" ]; then cat "$group/cgroup.procs"; else echo "${pids//,/ }"; fi; }

# installed PACKAGE... installs Debian's packages when asked to (--install), and is false when one is missing. No service is started:
# invoke-rc.d starts none in runlevel 1.
installed() {
  local p missing=()
  for p in "$@"; do
    dpkg-query -W -f='${Status}' "$p" 2>/dev/null | grep -q ' ok installed' || missing+=("$p")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  if [ -z "${INSTALL:-}" ]; then
    echo "not installed: ${missing[*]} (--install gets them)" >&2
    return 1
  fi
  if [[ " ${missing[*]} " == *" postfix "* ]]; then
    echo 'postfix postfix/main_mailer_type select No configuration' | debconf-set-selections
  fi
  DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get -q -y --no-install-recommends install "${missing[@]}" >"$WORK/apt.log" 2>&1
}

# versions PACKAGE... prints what is installed.
versions() { dpkg-query -W -f='${Package} ${Version} ' "$@"; }

# people are the one agent and the one team of every postdesk that is measured: the end of its configuration.
people='[[agent]]
id = "anne"
name = "Anne Durand"
address = "anne@corp.example"

[[team]]
name = "Support"
address = "support@desk.example"
agents = ["anne"]
language = "en"'
