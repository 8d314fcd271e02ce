# What a host executes for a step with `on`: read by `sh -s` from its input,
# behind the values it works with. POSIX sh and the usual tools, nothing else.
#
# A command has a directory of its own there, $mine, which only its account
# enters, and which can be made once:
#   out       what it prints
#   end       how it ended; blanks until then
#   command   who runs; recorder: who will write down its end. PID, boot, start,
#             and the host's own name: other hosts may have the same home
#   sent.INT  and sent.TERM, sent.KILL: what a cancel has sent
#   family    who was seen below it while it was cancelled. PID/start
# What is settled is taken away by `forget`. Of the rest the output is kept for
# $kept days, and then only how it ended: what left nothing never started.

set -f
mask=$(umask)
umask 077
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:$path
base=$HOME/.local/state/runbook
mine=$base/$key
kept=30
named=50 # of who outlives a command: the room of its end is limited

# say is the host's own word: a line that nobody else could have written.
say() {
	[ -z "$(tail -c 1 "$mine/out" 2>/dev/null | tr '\000' x)" ] || echo
	printf -- '-- %s: %s -- %s\n' "$host" "$1" "$nonce"
}

# quit ends with a word. 255 is ssh's own code, and says nothing by itself.
quit() {
	say "$1"
	exit 255
}

keep() { sync "$@" 2>/dev/null || sync; }

# claim makes the directory, durable and with room for the end, and says in it
# at once who did, before whoever looks takes that one for gone; or it prints why
# it can't.
claim() {
	{ mkdir -p "$base" && mkdir "$mine"; } 2>&1 || return
	{ printf '' >"$mine/out" && note $$ recorder && printf '%4095s\n' '' >"$mine/end"; } 2>&1 || {
		rm -rf "$mine"
		return 1
	}
	keep "$mine/end" "$mine" "$base"
}

# settle writes the end over the blanks: a full disk has room for that.
settle() {
	printf '%s\n' "$1" 1<>"$mine/end"
	keep "$mine/out" "$mine/end"
}

ended() {
	read -r end <"$mine/end" && case $end in
	"exit "* | "not started"* | unknown*) ;;
	*) # a shell reads byte by byte: it may have met the word half written
		end=
		false
		;;
	esac
} 2>/dev/null

# born is when a process began, in the host's own terms: nothing of one that
# is gone.
born() {
	if [ -d /proc/self ]; then
		stat=$(cat "/proc/$1/stat") || return
		set -- ${stat##*") "} # state, parent, group, session ... start
		case $1 in [ZX]) return 1 ;; esac
		echo "${20}"
	else
		ps -o lstart= -p "$1" | tr -d ' '
	fi
} 2>/dev/null

booted() { { cat /proc/sys/kernel/random/boot_id || sysctl -n kern.boottime; } 2>/dev/null | tr -d ' '; }

# note writes down who a process is, whole or not at all.
note() { echo "$1 $(booted) $(born "$1") $(uname -n)" >"$mine/$2.new" && mv "$mine/$2.new" "$mine/$2"; }

# lives reports whether who was noted still runs: a pid is used again, a pid
# with its boot and its start is not.
lives() {
	read -r pid boot start node <"$mine/$1" && [ -n "$start" ] && [ "$boot" = "$(booted)" ] && [ "$start" = "$(born "$pid")" ]
} 2>/dev/null

nap() { sleep 0.1 2>/dev/null || sleep 1; }

# locate sets $file to the program $1 as the path $2 has it. `command -v` would
# find what is built into the shell.
locate() {
	file=$1
	case $1 in
	/*) ;;
	*/*) file=$dir/$1 ;;
	*)
		IFS=:
		for one in $2; do
			file=$one/$1
			[ ! -f "$file" ] || [ ! -x "$file" ] || break
		done
		unset IFS
		;;
	esac
	[ -f "$file" ] && [ -x "$file" ]
}

# prepare goes where the command runs and finds what it needs; or $end says why
# it can't be started.
prepare() {
	end="not started: there is no directory $dir on $host"
	cd "$dir" 2>/dev/null || return
	end="not started: $program is not on the path of $host ($path)"
	locate "$program" "$path" && executable=$file
}

# limits says in $limits how far this host keeps a command from what happens to
# the connection; nothing if wholly.
limits() {
	limits= setsid=
	if locate setsid "$PATH"; then
		setsid=$file
	else
		limits=" no setsid on $host: a cancel reaches the program alone."
	fi
	case $(cat /proc/self/cgroup 2>/dev/null) in
	*/session-*.scope*) limits="$limits$(logout)" ;;
	esac
}

# logout says what becomes of a login session's processes when it ends. Linger
# keeps the user's manager, and these are not in it.
logout() {
	policy=$(busctl --timeout=2 get-property org.freedesktop.login1 /org/freedesktop/login1 \
		org.freedesktop.login1.Manager KillUserProcesses KillOnlyUsers KillExcludeUsers 2>/dev/null)
	only=${policy#*"as "} exclude=${policy##*"as "}
	only=${only%%"as "*}
	case $policy in
	"b false"*) return ;;
	"b true"*"as "*"as "*) ;;
	*)
		printf ' whether %s ends what runs when its session ends (KillUserProcesses) is not known: logind does not answer.' "$host"
		return
		;;
	esac
	case $exclude in *"\"$USER\""*) return ;; esac
	case $only in
	"0"* | *"\"$USER\""*)
		printf ' %s ends what runs when its session ends (KillUserProcesses), linger or not: KillUserProcesses=no, or KillExcludeUsers=%s, in logind.conf there.' "$host" "$USER"
		;;
	esac
}

# me is the pid of the subshell that asks; $$ is not.
me() { exec /bin/sh -c 'echo $PPID'; }

# become turns a subshell into the command: its pid stays.
become() {
	umask "$mask"
	unset PWD OLDPWD SHLVL
	launch $setsid "$executable"
}

# record sees the command end. Neither is a background job: a shell starts
# those with SIGINT ignored, and the command would inherit that.
record() {
	trap : HUP INT TERM
	(
		note "$(me)" command
		become
	) </dev/null >>"$mine/out" 2>&1
	end="exit $?"
	for sig in INT TERM KILL; do
		[ ! -d "$mine/sent.$sig" ] || end="$end SIG$sig"
	done
	settle "$end$(leftovers)"
	tidy
}

# members lists in $found the pids, and in $names pid and name of the first few,
# of who belongs to the command $1 besides itself: of its session or group, seen
# below it before, with its output as theirs, or below one of these.
members() {
	leader=$1 found= names= seen= grown=yes count=0
	family=$(cat "$mine/family")
	set +f
	while [ -n "$grown" ]; do
		grown=
		for one in /proc/[0-9]*; do
			pid=${one#/proc/}
			has "$leader $found" "$pid" && continue
			read -r stat <"$one/stat" && belongs "$pid" ${stat##*") "} || continue
			stat=${stat#*"("}
			found="$found $pid" count=$((count + 1)) grown=yes
			[ "$count" -gt "$named" ] || names="$names${names:+, }$pid ${stat%")"*}"
		done
	done
	[ "$count" -le "$named" ] || names="$names, and $((count - named)) more"
	set -f
} 2>/dev/null

has() { case " $1 " in *" $2 "*) ;; *) return 1 ;; esac }

# belongs takes the fields of a process: pid, state, parent, group, session ...
belongs() {
	case $2 in [ZX]) return 1 ;; esac
	has "$leader $found" "$3" || has "$family" "$1/${21}" || [ "$4" = "$leader" ] || [ "$5" = "$leader" ] ||
		[ "/proc/$1/fd/1" -ef "$mine/out" ] || [ "/proc/$1/fd/2" -ef "$mine/out" ] || return
	seen="$seen $1/${21}"
}

# leftovers names who outlived the command; of a cancelled one they are killed.
leftovers() {
	read -r pid rest <"$mine/command" && members "$pid"
	[ -n "$found" ] || return
	if [ ! -d "$mine/sent.INT" ]; then
		printf '; left %s' "$names"
		return
	fi
	all=$names tries=20
	while [ -n "$found" ] && [ "$tries" -gt 0 ]; do
		kill -s KILL $found
		nap
		members "$leader"
		tries=$((tries - 1))
	done
	printf '; killed %s%s' "$all" "${names:+; still there $names}"
} 2>/dev/null

# listened reports whether anybody reads what we print: our parent is the
# connection.
listened() { kill -s 0 "$PPID" 2>/dev/null || [ -d "/proc/$PPID" ] || ps -p "$PPID" >/dev/null 2>&1; }

# follow prints what the command prints until its end is written, and then the
# host's word. With $once it says how it is now. Whoever has just made the
# directory gets a moment to say so.
follow() {
	end=
	[ -e "$mine/recorder" ] || waits 5 recorder || quit "unknown: whoever began it is gone"
	exec 3<"$mine/out"
	until ended; do
		cat <&3 && listened || exit 255
		lives recorder || lives command || { nap && ended; } || end="unknown: it is gone, and nobody saw its end"
		[ -n "$end" ] || [ -z "$once" ] || end=running
		[ -z "$end" ] || break
		nap
	done
	cat <&3
	case $end in "exit "*) ;; *) quit "$end" ;; esac
	say "$end"
	set -- ${end%%;*}
	exit "$2"
}

# withdraw keeps a command that was never started from ever being: whoever
# comes late finds its directory made.
withdraw() {
	if why=$(claim); then
		settle "not started: $1"
	elif [ ! -d "$mine" ]; then
		quit "unknown: $why"
	fi
}

# start executes the command, once, and follows it. It outlives the connection:
# it writes into a file, has no terminal, and where there is setsid a session
# of its own.
start() {
	why=$(claim) || {
		[ ! -d "$mine" ] || quit "refused: it was started before"
		quit "not started: $why"
	}
	prepare || {
		settle "$end"
		quit "$end"
	}
	limits
	[ -z "$limits" ] || echo "runbook:$limits"
	record 2>/dev/null | follow
}

# look says how it is now and prints what there is; resume goes on with that to
# its end.
look() {
	once=yes
	resume
}

resume() {
	withdraw "nothing had reached $host, and nothing will"
	follow
}

# cancel sends SIGINT to the command's group, after $grace seconds SIGTERM, and
# after as many SIGKILL; a second one sends the next signal at once.
cancel() {
	withdraw "cancelled before it began"
	waits 5 command || quit "unknown: it is not known who runs"
	for sig in INT TERM KILL; do
		ended && break
		mkdir "$mine/sent.$sig" 2>/dev/null || continue
		if lives command; then
			members "$pid"
			echo "$seen" >>"$mine/family"
			kill -s $sig -- "-$leader" 2>/dev/null || kill -s $sig "$leader"
		fi
		case $sig in INT) next=sent.TERM ;; TERM) next=sent.KILL ;; KILL) next=none ;; esac
		waits "$grace" "$next" && [ -d "$mine/$next" ] && break
	done
	waits $((grace * 3)) none
	ended || end=running
	quit "$end"
}

# waits waits some seconds for a file of the command, or for its end, and
# reports whether it saw one.
waits() {
	until=$(($(date +%s) + $1))
	while [ "$(date +%s)" -le "$until" ]; do
		[ -e "$mine/$2" ] || ended && return
		nap
	done
	return 1
}

# forget takes away what a command that has ended left here.
forget() {
	ended && rm -rf "$mine"
	quit "forgotten"
}

# tidy takes away the output of what ended, or was lost, $kept days ago, and that
# nobody has settled since. How it ended stays. It touches nothing that runs, here
# or on another host with the same home, and nothing that is not ours.
tidy() (
	set +f
	find "$base"/*/end -type f -mtime "+$kept" | while read -r file; do
		mine=${file%/end}
		[ ! -L "$mine" ] && [ -f "$mine/out" ] && [ -f "$mine/recorder" ] || continue
		ended || { lost && settle "unknown: it is gone, and nobody saw its end"; } || continue
		echo "runbook: this was kept on $host for $kept days" >"$mine/out"
		rm -rf "$mine/recorder" "$mine/command" "$mine/family" "$mine/sent.INT" "$mine/sent.TERM" "$mine/sent.KILL"
	done
) 2>/dev/null

# lost reports whether nobody is left of a command, as far as this host can
# tell: of one that was started by another it can't.
lost() { ! lives recorder && [ "$node" = "$(uname -n)" ] && ! lives command; }

# carry executes the command in place of this shell, for a check: nothing is
# kept, its output is behind a sign of ours, and it ends with the connection.
carry() {
	prepare || {
		echo "$end" >&2
		exit 255
	}
	( (
		while listened && kill -s 0 $$; do sleep 1; done
		kill -s KILL -- -$$ # what it left behind, too
	) & ) </dev/null >/dev/null 2>&1
	echo "-- $host -- $nonce"
	echo "-- $host -- $nonce" >&2
	setsid=
	exec </dev/null
	become
}

# hello says what this host does for a command in that directory.
hello() {
	mkdir -p "$base" 2>/dev/null || quit "no: $base can't be made"
	cd "$dir" 2>/dev/null || quit "no: there is no directory $dir"
	limits
	quit "yes$limits"
}
