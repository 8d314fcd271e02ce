#!/bin/sh
# VERIFY.sh [ALLOWED_SIGNERS [REVOKED [HEADS]]]
#
# Checks the signed log beside it with OpenSSH, coreutils and jq, and with
# nothing of the program that wrote it. ALLOWED_SIGNERS is your own file, in the
# form of ssh-keygen(1): whose keys count, and with namespaces= in which role.
# REVOKED holds public keys that count no more, as a list or a KRL. HEADS is a text with head codes as
# others saw them: a mail, a chat. /dev/null stands for a file that you have not.
#
# It prints four verdicts that are apart: integrity (are these the bytes that
# were signed), completeness (did the run end, has every role signed), identity
# (who vouched for each session), anchoring (has anybody else seen the head).
# Under them stands the head, as it is posted.
# Exit codes: 0 ok, 1 tampered, forked or rolled back, 2 usage, not readable or no
# head code in HEADS, 3 torn, open or a role missing, 4 identity unverified; of
# several the first of 1 2 4 3.
set -u
export LC_ALL=C
[ $# -le 3 ] || {
	echo "usage: VERIFY.sh [ALLOWED_SIGNERS [REVOKED [HEADS]]]" >&2
	exit 2
}
# A tool is never one of the bundle: of PATH only what is absolute counts.
clean=''
IFS=:
set -f
for part in $PATH; do
	case $part in /*) clean=${clean:+$clean:}$part ;; esac
done
set +f
unset IFS
PATH=$clean
for tool in jq ssh-keygen base32 sha256sum split paste realpath; do
	command -v "$tool" >/dev/null || {
		echo "VERIFY.sh: it needs $tool" >&2
		exit 2
	}
done
signers='' revoked='' heads=''
for file in "$@"; do
	if [ ! -r "$file" ] || { [ ! -f "$file" ] && [ "$file" != /dev/null ]; }; then
		printf 'VERIFY.sh: %s: no file that can be read\n' "$file" >&2
		exit 2
	fi
done
[ $# -lt 1 ] || signers=$(realpath -- "$1")
[ $# -lt 2 ] || revoked=$(realpath -- "$2")
[ $# -lt 3 ] || [ "$3" = /dev/null ] || heads=$(realpath -- "$3")
CDPATH='' cd -- "$(dirname -- "$0")" || exit 2
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
trap 'exit 2' INT TERM HUP

# --- the form of a line: what its reader must write again byte for byte ---

cat >"$tmp/form.jq" <<'JQ'
def str: split("\u007f") | map(tojson[1:-1]) | join("\u007f")
	| split("\u2028") | join("\\u2028") | split("\u2029") | join("\\u2029") | "\"" + . + "\"";
def enc:
	if type == "object" then "{" + ([keys[] as $k | ($k | str) + ":" + (.[$k] | enc)] | join(",")) + "}"
	elif type == "array" then "[" + (map(enc) | join(",")) + "]"
	elif type == "string" then str
	else tojson end;
def like($form): type == "string" and test("\\A" + $form + "\\z");
def whole: type == "number" and . == floor and . >= 0 and . < 9007199254740992;
# jq 1.7 and later keep a number as it is written: 1.0, 1E+2, -0.
def integer:
	tojson | test("\\A(0|-?[1-9][0-9]*)\\z") and (if startswith("-") then [.[1:], "9223372036854775808"] else [., "9223372036854775807"] end
		| (.[0] | length) < 19 or ((.[0] | length) == 19 and .[0] <= .[1]));
def form:
	type == "object" and (.v | whole) and (.run | like("[0-9a-f]{32}")) and (.seg | whole and . > 0) and (.n | whole and . > 0)
	and (.prev | like("[0-9a-f]{64}")) and (.time | like("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[.][0-9]{6}Z"))
	and (.time as $t | ($t[0:19] + "Z") | . == (try (fromdate | todate) catch "")) and (.mono | type == "number" and . >= 0)
	and (.kind | like("[a-z][a-z.]{0,31}")) and (.sig | like("[A-Za-z0-9+/]{85}[AQgw]=="))
	and (.body | type == "object" and ([paths | length] | max // 0) < 64)
	and ([.v, .seg, .n, .mono, (.body | .. | numbers)] | all(integer));
def line:
	if form then
		"{\"v\":\(.v),\"run\":\"\(.run)\",\"seg\":\(.seg),\"n\":\(.n),\"prev\":\"\(.prev)\",\"time\":\"\(.time)\",\"mono\":\(.mono),"
		+ "\"kind\":\"\(.kind)\",\"body\":\(.body | enc),\"sig\":\"\(.sig)\"}"
	else "!" end;
def session:
	(.body | keys) == ["claims", "discarded", "discarded_sha256", "identity", "prev_bytes", "session_key", "sshsig", "stmt", "tool", "world"]
	and (.body | [.discarded, .prev_bytes] | all(type == "number"))
	and (.body | [.discarded_sha256, .identity, .session_key, .sshsig, .stmt, .tool, .world] | all(type == "string"))
	and (.body.claims == null or (.body.claims | type == "object" and all(type == "string")))
	and (.body.session_key | like("[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=")) and (.body.world | . == "real" or . == "practice");
def name: "[A-Za-z0-9_][A-Za-z0-9_.:-]{0,127}";
def hash: "[0-9a-f]{64}";
def number: "[1-9][0-9]{0,15}";
def signoff_form:
	"\\Arunbook-log/v1 sign-off\nworld (?<world>real|practice)\nrun (?<run>[0-9a-f]{32})\nrole (?<role>[a-z][a-z0-9-]{0,31})\n"
	+ "scope (?<scope>run|phase:" + name + ")\ndecision (?<decision>approve|reject|withdraw)\n"
	+ "book (?<book>" + name + " sha256 " + hash + ")\ntarget (?<target>" + name + " sha256 " + hash + ")\nmode (?<mode>" + name + ")\n"
	+ "entry (?<entry>" + number + ")\nhead (?<head>" + hash + ")\nbytes (?<bytes>" + number + ") sha256 (?<sha256>" + hash + ")\n"
	+ "report sha256 " + hash + "\nnote (?<note>\"[^\n]*\")\n"
	+ "time (?<time>[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z)\n\\z";
def code: explode | reduce .[] as $c (0; . * 16 + if $c > 96 then $c - 87 else $c - 48 end);
def printable: test("\\A[\\p{L}\\p{M}\\p{N}\\p{P}\\p{S} ]\\z");
def rune: "[^\"\\\\]|\\\\(?:[abftv\\\\\"]|x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8})";
# A piece of a note: how many bytes it stands for, null if it is not written so.
def piece:
	if startswith("\\x") then .[2:] | if test("\\A(0[0-6ef]|1.|7f|[89a-f].)\\z") then 1 else null end
	elif test("\\A\\\\[uU]") then .[2:] | code
		| if . < 128 or (. > 55295 and . < 57344) or . > 1114111 or ([.] | implode | printable) then null else [.] | implode | utf8bytelength end
	elif startswith("\\") then 1
	elif printable then utf8bytelength
	else null end;
# Bytes that are a letter are written as the letter.
def letter: "[\\\\]x(?:(?:c[2-9a-f]|d.)|(?:e0[\\\\]x[ab].|ed[\\\\]x[89].|e[1-9a-cef][\\\\]x[89ab].)|(?:f0[\\\\]x[9ab].|f[123][\\\\]x[89ab].|f4[\\\\]x8.)[\\\\]x[89ab].)[\\\\]x[89ab].";
# What a person added, quoted in the one way there is: no letter is hidden, none turns the line around.
def quoted:
	.[1:-1] | test("\\A(?:" + rune + ")*\\z") and ([match(rune; "g").string]
		| (map(piece) | all(. != null) and (add // 0) <= 1000)
		and (map(if startswith("\\x") then . else " " end) | join("") | test(letter) | not));
# The facts of a sign-off: its form leaves no space in any of them.
def signoff:
	capture(signoff_form) | select(.note | quoted) | select(.time == (try (.time | fromdate | todate) catch ""))
	| [.world, .run, .entry, .head, .bytes, .sha256, .time, .role, .scope, .decision, .book, .target, .mode] | join(" ");
def b64key: "[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=";
def stamp: "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z";
def digits: [match("[0-9]"; "g").string] | join("");
def delegation_form:
	"\\Arunbook-log/v1 watch\nworld (?<world>real|practice)\nrun (?<run>[0-9a-f]{32})\nentry (?<entry>" + number + ")\nhead (?<head>" + hash + ")\n"
	+ "bytes (?<bytes>" + number + ") sha256 (?<sha256>" + hash + ")\nwatch-key (?<key>" + b64key + ")\nfrom (?<from>" + stamp + ")\nuntil (?<until>" + stamp + ")\n"
	+ "watches (?<watches>" + name + "( " + name + ")*)\ntime (?<time>" + stamp + ")\n\\z";
# The facts of a delegation of slots.
def delegation:
	capture(delegation_form) | select([.from, .until, .time] | all(. == (try (fromdate | todate) catch "")))
	| [.world, .run, .entry, .head, .bytes, .sha256, .key, (.from | digits), (.until | digits), (.watches | split(" ") | join(","))] | join(" ");
def handover_form:
	"\\Arunbook-log/v1 hand-over\nworld (?<world>real|practice)\nrun (?<run>[0-9a-f]{32})\nentry (?<entry>" + number + ")\nhead (?<head>" + hash + ")\n"
	+ "bytes (?<bytes>" + number + ") sha256 (?<sha256>" + hash + ")\nfrom session-key (?<key>" + b64key + ")\ntime (?<time>" + stamp + ")\n\\z";
# The facts of what somebody signed who took the run over.
def handover:
	capture(handover_form) | select(.time == (try (.time | fromdate | todate) catch "")) | [.world, .run, .entry, .head, .bytes, .sha256, .key] | join(" ");
# What the log commits to of watch.jsonl.
def anchor:
	if (keys - ["torn_bytes", "torn_sha256"]) == ["head", "n", "of"] and (.n | whole and . > 0) and (.head | like(hash))
		and (.torn_bytes | . == null or (whole and . > 0)) and (.torn_sha256 | . == null or (type == "string" and . != ""))
	then ["watch", .n, .head, .torn_bytes // 0, .torn_sha256 // "-"] else ["watch"] end;
# What a run was begun with, as sign-offs must name it.
def terms: .body | "\(.book) sha256 \(.book_sha256) \(.target) sha256 \(.target_sha256) \(.mode)";
def required: .body.signoffs // [] | map({role, scope, distinct: (.distinct // false)}) | tojson;
def lower: keys | all(test("\\A[a-z0-9_]*\\z"));
# The form of what a run is begun with.
def begun:
	def may($form): . == null or type == $form;
	lower and ([.book, .book_sha256, .target, .target_sha256, .mode] | all(type == "string"))
	and ([.book_file, .target_file, .world, .practice_id, .of, .vtime] | all(may("string"))) and ([.guard, .rehearsed] | all(may("boolean")))
	and ([.demands, .ran] | all(may("array") and (. // [] | all(may("string"))))) and (.vars | may("object") and (. // {} | all(may("string"))))
	and (.signoffs | may("array") and (. // [] | all(type == "object" and lower
		and ([.role, .scope] | all(type == "string")) and (.distinct | may("boolean")))));
def coded: if . == "" then "-" else @base64 end;
# A signature as ssh-keygen writes it, and nothing behind it.
def armored: if . == "" or test("\\A-----BEGIN SSH SIGNATURE-----\n([A-Za-z0-9+/]+\n)*[A-Za-z0-9+/]+={0,2}\n-----END SSH SIGNATURE-----\n*\\z") then coded else empty end;
def at: .time[0:19];
# What is asked of each line: words without a space. A sign-off, or a session,
# that has another form ends before its last.
def facts:
	if form then
		[.v, (line | utf8bytelength + 1), .run, .seg, .n, .prev, .kind, .sig, at]
		+ if .kind == "session" and session then
			[(.body | .world, .session_key, .prev_bytes, .discarded, (.discarded_sha256 | coded), (.stmt | coded), (.sshsig | armored))]
		elif .kind == "attest" and (.body | keys == ["principal", "sshsig", "stmt", "via"] and all(type == "string")) then
			[(.body | (.stmt | coded), (.sshsig | armored), (.stmt | signoff))]
		elif .kind == "run.start" and (.body | begun) then
			try [(.body | (.book_sha256, .target_sha256 | coded)), (terms | coded), (required | coded)] catch []
		elif .kind == "delegate" and (.body | keys == ["sshsig", "stmt"] and all(type == "string")) then
			[(.body | (.stmt | coded), (.sshsig | armored), (.stmt | delegation))]
		elif .kind == "handover" and (.body | has("stmt") or has("sshsig")) then
			if .body | [.stmt, .sshsig] | all(type == "string") then [(.body | (.stmt | coded), (.sshsig | armored), (.stmt | handover))] else ["!"] end
		elif .kind == "anchor" and .body.of == "watch" then (.body | anchor)
		elif .kind == "slot" or .kind == "gap" or .kind == "clock.step" then
			[(.time[0:19] | digits), .time[20:26], (.body | (.step // "" | coded), (.torn_bytes // 0), (.torn_sha256 // "-"))]
		else [] end
		| map(tostring) | join(" ")
	elif type == "object" and (.v | whole) then "\(.v | floor)"
	else "!" end;
JQ
cat >"$tmp/key.jq" <<'JQ'
# The bytes of a signature: of a plain key, in its one form, and of a security
# key that was touched.
def long: ((.[0] * 256 + .[1]) * 256 + .[2]) * 256 + .[3];
def cut: if length < 4 then empty else (.[:4] | long) as $n | [.[4:4 + $n], .[4 + $n:]] end;
def strings: if length == 0 then [] else cut as [$first, $rest] | [$first] + ($rest | strings) end;
def minimal: length > 0 and .[0] < 128 and (.[0] > 0 or (length > 1 and .[1] > 127));
(.[10:] | strings) as [$key, $space, $reserved, $hash, $sig]
| ($key | strings) as $fields | ($fields[0] | implode) as $kind
| ($sig | cut) as [$form, $rest] | ($form | implode) as $form | ($rest | cut)[1] as $more
| ($kind | endswith("-cert-v01@openssh.com") | not)
and (if $kind == "ssh-rsa" then ($form == "rsa-sha2-256" or $form == "rsa-sha2-512") and ($fields[1:] | all(minimal)) else $form == $kind end)
and (if $kind | startswith("sk-") then ($more | length) == 5 and $more[0] % 2 == 1 else $more == [] end)
JQ

sum() { sha256sum | cut -c 1-64; }
size() { wc -c | tr -d ' '; }
segment_name() { printf '%04d.jsonl' "$1"; }

# --- verdicts ---

integrity=unreadable integrity_text='' completeness=unknown completeness_text='not judged without integrity'
identity=unknown identity_text='not judged without integrity' anchoring=unknown anchoring_text='not judged without integrity'

verdict() {
	printf 'integrity %s  %s\n' "$integrity" "$integrity_text"
	printf 'completeness %s  %s\n' "$completeness" "$completeness_text"
	printf 'identity %s  %s\n' "$identity" "$identity_text"
	printf 'anchoring %s  %s\n' "$anchoring" "$anchoring_text"
	case $integrity in
	tampered | forked) exit 1 ;;
	ok | torn) ;;
	*) exit 2 ;;
	esac
	[ ! -e report.md ] && [ ! -e report.html ] || echo 'report.md and report.html are made from the log, and not checked here'
	printf 'run %.8s head %s\n' "$run" "$(head_code "$last_n" "$last_head")"
	case $anchoring in forked | 'rolled back') exit 1 ;; esac
	[ "$identity" = ok ] || exit 4
	[ "$integrity $completeness" = "ok ok" ] || exit 3
	exit 0
}

# head_code N HEAD is what people compare: the number, and 120 bits of the hash.
head_code() {
	left=$(printf %s "$2" | cut -c 1-30)
	while [ -n "$left" ]; do
		more=${left#??}
		# shellcheck disable=SC2059 # the octal byte is the format
		printf "\\$(printf %o "0x${left%"$more"}")"
		left=$more
	done | base32 | {
		read -r code
		printf '%s-%s' "$1" "$(printf %s "$code" | cut --output-delimiter=- -c 1-4,5-8,9-12,13-16,17-20,21-24)"
	}
}

# broken WORD TEXT ends with what is wrong with the bytes.
broken() {
	integrity=$1 integrity_text=$2
	verdict
}

# --- signatures ---

# domain is what ends a namespace of this log's world.
domain() { if [ "$world" = practice ]; then echo practice.runbook-log; else echo runbook-log; fi; }

# wrapped NAMESPACE KEY prints what stands before the signature in an SSHSIG by
# an Ed25519 key.
wrapped() {
	printf 'SSHSIG\0\0\0\1\0\0\0\063\0\0\0\013ssh-ed25519\0\0\0\040'
	printf %s "$2" | base64 -d
	# shellcheck disable=SC2059 # the octal length is the format
	printf "\\0\\0\\0\\0$(printf %o ${#1})"
	printf '%s\0\0\0\0\0\0\0\006sha512\0\0\0\123\0\0\0\013ssh-ed25519\0\0\0\100' "$1"
}

# line_holds FILE LENGTH SIG: the signature of a line by the key of its session.
line_holds() {
	printf -- '-----BEGIN SSH SIGNATURE-----\n%s%s\n-----END SSH SIGNATURE-----\n' "$wrap" "$3" >"$tmp/line.sig"
	head -c $(($2 - 99)) "$1" | ssh-keygen -q -Y check-novalidate -n "entry.v1@$(domain)" -s "$tmp/line.sig" >/dev/null 2>&1
}

# --- the chain ---

run='' world='' last_n=0 last_head=0000000000000000000000000000000000000000000000000000000000000000 ended='' went_back='' bytes=0
mkdir "$tmp/statements"
: >"$tmp/joined" # the segments up to their cuts
: >"$tmp/ends"   # of each entry: its hash, and where it ends in joined
: >"$tmp/start"  # the entry that says what the run was begun with
: >"$tmp/attests"
: >"$tmp/delegations" # what was committed of watch.jsonl then, entry, its time and hash, key, from, until, watches
: >"$tmp/anchors"
: >"$tmp/used"
: >"$tmp/handed" # entry, time and session of what somebody signed who took the run over
anchored=0 anchored_head='' anchored_torn='0 -'
: >"$tmp/sessions"

# accept FILE PLACE ROW… takes a line, whose form is right, as the next entry.
accept() {
	line=$1 place=$2 length=$4 row_run=$5 row_seg=$6 n=$7 prev=$8 kind=$9 sig=${10} at=${11}
	shift 11
	why=''
	# What a session saw of the end before it comes first: else damage there would
	# be told of this line.
	[ "$place $kind $#" != "first session 7" ] || cut_seen "$3" "$4" "$5"
	if [ "$last_n" -gt 0 ] && [ "$row_run" != "$run" ]; then
		why='a line of another run'
	elif [ "$row_seg" != "$k" ]; then
		why="a line of segment $row_seg"
	elif [ "$n" != $((last_n + 1)) ]; then
		why="entry $n where $((last_n + 1)) belongs"
	elif [ "$prev" != "$last_head" ]; then
		why='prev is not the hash of the line before'
	elif [ "$place $kind" != "first session" ] && { [ "$place" = first ] || [ "$kind" = session ]; }; then
		why="kind $kind at this place"
	elif [ -n "$ended" ] && [ "$kind" != session ] && ! note "$kind"; then
		why="kind $kind behind the end of the run"
	elif [ "$kind" = session ]; then
		session "$@"
	elif ! line_holds "$line" "$length" "$sig"; then
		why='the signature does not hold'
	else
		case $kind in
		attest) attest "$@" ;;
		delegate) delegate "$@" ;;
		handover) [ $# = 0 ] || hand_over "$@" ;;
		anchor) [ "${1:-}" != watch ] || anchor "$@" ;;
		esac
	fi
	[ -z "$why" ]
}

# code prints as a word what it reads: no end of a text is lost, as it is in $(…).
code() { base64 | tr -d '\n'; }

# decode WORD prints what a fact holds.
decode() { [ "$1" = - ] || printf %s "$1" | base64 -d; }

# note KIND: it may stand behind the end, and needs no session that is vouched for.
note() { case $1 in attest | anchor | shredded) ;; *) return 1 ;; esac; }

# session WORLD KEY CUT DISCARDED ITS-HASH STATEMENT SIGNATURE takes the first
# line of a segment: who delegates to which key.
session() {
	[ $# = 7 ] || {
		why='session: other keys than these'
		return
	}
	[ -z "$world" ] || [ "$world" = "$1" ] || {
		why="session: world $1 in a run of world $world"
		return
	}
	world=$1 session_key=$2
	# Its length is a multiple of three: the base64 of a line's signature follows it as it stands.
	wrap=$(wrapped "entry.v1@$(domain)" "$session_key" | base64 | tr -d '\n')
	decode "$6" >"$tmp/stmt"
	decode "$7" >"$tmp/stmt.sig"
	{
		printf 'runbook-log/v1 session\nworld %s\nrun %s\nsegment %s\nentry %s\nprev %s\n' "$world" "$row_run" "$k" "$n" "$prev"
		printf 'bytes %s sha256 %s\nsession-key %s\ntime %sZ\n' "$bytes" "$(sum <"$tmp/joined")" "$session_key" "$at"
	} >"$tmp/stmt.want"
	if [ "$k" = 1 ] && [ "$3 $4" != "0 0" ]; then
		why='session: a first segment with one before it'
	elif [ "$(sum <"$tmp/stmt")" != "$(sum <"$tmp/stmt.want")" ]; then
		why='session: the statement speaks of another session'
	elif ! line_holds "$line" "$length" "$sig"; then
		why='the signature does not hold'
	elif [ -s "$tmp/stmt.sig" ] && ! statement_holds "$tmp/stmt" "session@$(domain)"; then
		why='session: the signature of its statement does not hold'
	else
		run=$row_run
		keep session "$tmp/stmt"
		mv "$tmp/stmt" "$tmp/session.$k"
		mv "$tmp/stmt.sig" "$tmp/session.$k.sig"
		printf '%s\n' "$at" >"$tmp/session.$k.at"
	fi
}

# keep NAME STATEMENT keeps what must lie in statements, if it was exported.
keep() {
	cp "$2" "$tmp/statements/$n-$1.txt"
	[ ! -s "$2.sig" ] || cp "$2.sig" "$tmp/statements/$n-$1.txt.sig"
}

# statement_holds STATEMENT NAMESPACE: the signature beside it is by the key it names.
statement_holds() {
	[ "$(size <"$1.sig")" -le 16384 ] && blob_of "$1.sig" && [ "$(od -An -v -tu1 "$tmp/blob" | jq -s "$(cat "$tmp/key.jq")" 2>/dev/null)" = true ] &&
		ssh-keygen -q -Y check-novalidate -n "$2" -s "$1.sig" <"$1" >/dev/null 2>&1
}

# committed WORLD RUN ENTRY HEAD BYTES SHA256: a statement is about this log, as
# far as it is there.
committed() {
	if [ "$1 $2" != "$world $run" ]; then
		why='a statement about another run'
	elif [ "$3" -gt "$last_n" ]; then
		why="a statement about entry $3, and the log ends at $last_n"
	elif [ "$(head -n "$3" "$tmp/ends" | tail -n 1)" != "$4 $5" ] || [ "$(cat "$tmp/joined" "$tmp/now" | head -c "$5" | sum)" != "$6" ]; then
		why="a statement that is at entry $3 about another log"
	fi
	[ -z "$why" ]
}

# attest STATEMENT SIGNATURE FACTS… takes a sign-off: its form, the bytes it
# speaks of, its signature.
attest() {
	[ $# = 19 ] || {
		why='not a sign-off'
		return
	}
	decode "$1" >"$tmp/attest.$n"
	decode "$2" >"$tmp/attest.$n.sig"
	shift 2
	# world run entry head bytes sha256 time role scope decision book target mode
	committed "$@" || return
	statement_holds "$tmp/attest.$n" "signoff.$8@$(domain)" || {
		why="sign-off of $8: the signature does not hold"
		return
	}
	key_blob "$tmp/attest.$n.sig" | sum >"$tmp/attest.$n.key"
	keep "$8" "$tmp/attest.$n"
	about=$3
	shift 6
	printf '%s\n' "$n $at $about $*" >>"$tmp/attests"
}

# delegate STATEMENT SIGNATURE FACTS… takes what lets a key write slots.
delegate() {
	[ $# = 12 ] || {
		why='not a delegation'
		return
	}
	decode "$1" >"$tmp/delegate.$n"
	decode "$2" >"$tmp/delegate.$n.sig"
	shift 2
	# world run entry head bytes sha256 key from until watches
	committed "$@" || return
	statement_holds "$tmp/delegate.$n" "watch@$(domain)" || {
		why='delegation: the signature does not hold'
		return
	}
	shift 6
	printf '%s\n' "$anchored $n $at $head $*" >>"$tmp/delegations"
}

# hand_over STATEMENT SIGNATURE FACTS… takes what somebody signed who took the
# run over from this session.
hand_over() {
	[ $# = 9 ] || {
		why='not a hand-over'
		return
	}
	decode "$1" >"$tmp/handover.$n"
	decode "$2" >"$tmp/handover.$n.sig"
	shift 2
	# world run entry head bytes sha256 session-key
	committed "$@" || return
	if [ "$7" != "$session_key" ]; then
		why='hand-over: it is about another session than the one that lets go'
	elif ! statement_holds "$tmp/handover.$n" "session@$(domain)"; then
		why='hand-over: the signature does not hold'
	else
		keep hand-over "$tmp/handover.$n"
		printf '%s\n' "$n $at $k" >>"$tmp/handed"
	fi
}

# anchor watch LINE HEAD TORN ITS-HASH takes what the log commits to of watch.jsonl.
anchor() {
	if [ $# != 5 ]; then
		why='anchor: other keys than these'
	elif [ "$2" -lt "$anchored" ] || { [ "$2" = "$anchored" ] && [ "$3" != "$anchored_head" ]; }; then
		why="anchor: watch.jsonl had $anchored lines before"
	elif [ -n "$ended" ] && [ "$2" != "$anchored" ]; then
		why='anchor: slots behind the end of the run'
	else
		anchored=$2 anchored_head=$3 anchored_torn="$4 $5"
		printf '%s %s\n' "$2" "$3" >>"$tmp/anchors"
	fi
}

# blob_of SIGNATURE leaves in blob what stands in its armor.
blob_of() {
	while read -r digits; do
		case $digits in -*) ;; *) printf '%s\n' "$digits" ;; esac
	done <"$1" | base64 -d >"$tmp/blob" 2>/dev/null
}

# key_blob SIGNATURE prints the public key that it names.
key_blob() {
	blob_of "$1"
	tail -c +11 "$tmp/blob" | head -c 4 | od -An -tu1 | {
		read -r a b c d
		tail -c +15 "$tmp/blob" | head -c $((((a * 256 + b) * 256 + c) * 256 + d))
	}
}

# torn FILE: what a crash leaves: no line end, or sectors that were never written.
torn() {
	[ "$(size <"$1")" -le 65536 ] || return 1
	[ "$(tr -dc '\n' <"$1" | size)" = 0 ] || [ "$(tr -d '\0' <"$1" | size)" != "$(size <"$1")" ]
}

# cut_seen CUT DISCARDED ITS-HASH holds the end of the segment before against
# what this session saw there.
cut_seen() {
	[ "$k" -gt 1 ] || return 0
	[ "$1" -ge "$pos" ] || broken forked "session $k cut the segment before at byte $1, valid lines follow there ($where)"
	if [ "$1" != "$pos" ] || ! torn "$tmp/rest" || [ "$2" != "$(size <"$tmp/rest")" ] || [ "$3" != "$(sum <"$tmp/rest" | tr -d '\n' | code)" ]; then
		broken tampered "not the end that session $k saw ($where)"
	fi
}

# put_back tells a log of a newer program from one of ours whose version was
# altered: ours holds once the 1 is put back.
put_back() {
	{ printf '{"v":1' && tail -c +$((6 + ${#v})) "$line"; } >"$tmp/ours"
	# shellcheck disable=SC2086 # words without a space by their form
	set -- $rest
	longer=$((${#v} - 1)) length=$1
	shift
	accept "$tmp/ours" "$place" 1 $((length - longer)) "$@"
}

# segment reads segment k; it leaves the valid bytes in joined, and in rest what
# is behind them.
segment() {
	file=$(segment_name "$k") stopped='' place=first acts='' from=$bytes
	if [ ! -f "$file" ] || [ -L "$file" ]; then broken unreadable "$file is not a regular file"; fi
	rows "$file"
	: >"$tmp/now"
	exec 3<"$tmp/rows"
	for line in "$tmp"/lines/*; do
		read -r head again v rest <&3 || break
		take "$line" || break
		last_n=$n last_head=$head bytes=$((bytes + length)) place=''
		printf '%s %s\n' "$head" "$bytes" >>"$tmp/ends"
		cat "$line" >>"$tmp/now"
		case $kind in
		run.end) ended=$n ;;
		run.start) start "$rest" ;;
		rollback.start) went_back=${went_back:-$n} ;; # on the way back no signature is asked for
		esac
		[ "$kind" = session ] || note "$kind" || acts=yes
	done
	exec 3<&-
	pos=$((bytes - from))
	where="$file at byte $pos, behind entry $last_n"
	[ "$pos" -gt 0 ] || [ "$k" = 1 ] || broken tampered "${stopped:-empty}: $where"
	[ "$stopped" != version ] || broken unreadable "another version of the log: $where"
	[ "$pos" -gt 0 ] || broken tampered "${stopped:-empty}: $where"
	tail -c +$((pos + 1)) "$file" >"$tmp/rest"
	if [ "$k" = "$count" ] && [ -n "$stopped" ]; then
		torn "$tmp/rest" || broken tampered "$stopped: $where"
		torn_at=$where
	fi
	cat "$tmp/now" >>"$tmp/joined"
	[ "$k" != 1 ] && [ -z "$acts" ] || printf '%s\n' "$k" >>"$tmp/sessions"
}

# rows FILE takes a file apart: a file for each line, and in rows its hash, the
# hash of its one form, and its facts.
rows() {
	rm -rf "$tmp/lines" "$tmp/again"
	mkdir "$tmp/lines" "$tmp/again"
	split -a 5 -l 1 "$1" "$tmp/lines/" || broken unreadable "$1 can't be taken apart"
	jq -r "$(cat "$tmp/form.jq") line + \"\\t\" + facts" <"$1" >"$tmp/both" 2>/dev/null # no tab stands in a line
	cut -f 1 "$tmp/both" | split -a 5 -l 1 - "$tmp/again/"
	cut -f 2- "$tmp/both" >"$tmp/facts"
	hashes "$tmp/lines" >"$tmp/heads"
	hashes "$tmp/again" >"$tmp/heads.again"
	paste -d ' ' "$tmp/heads" "$tmp/heads.again" "$tmp/facts" >"$tmp/rows"
}

# start ROW keeps what the run was begun with.
start() {
	# shellcheck disable=SC2086 # words without a space by their form
	set -- $1
	shift 8
	printf '%s\n' "$*" >>"$tmp/start"
}

# numbers LINE: jq 1.6 loses digits of integers of 2^53 and more, others keep them.
numbers() {
	[ "$(jq '[.. | numbers | fabs >= 9007199254740992] | any' <"$1" 2>/dev/null)" != true ] || [ "$(echo 9007199254740993 | jq -c .)" = 9007199254740993 ] ||
		broken unreadable "this jq ($(jq --version)) can't read integers of the size that stands behind entry $last_n: take jq 1.7 or runbook log verify"
}

# take LINE accepts it, or says in stopped why not.
take() {
	if [ "$v" != 1 ] && [ "$v" != ! ] && [ -n "$v" ]; then
		stopped=version
		[ "$head" != "$again" ] || ! put_back || stopped='a line whose version was altered'
	elif [ "$head" != "$again" ]; then
		numbers "$1"
		stopped='a line that is not in its one form'
	else
		# shellcheck disable=SC2086 # words without a space by their form
		accept "$1" "$place" "$v" $rest || stopped=$why
	fi
	[ -z "$stopped" ]
}

hashes() { (cd "$1" && sha256sum -- * 2>/dev/null | cut -c 1-64); }

count=0
for file in [0-9]*.jsonl; do
	[ -e "$file" ] || [ -L "$file" ] || break
	count=$((count + 1))
done
[ "$count" -gt 0 ] || broken unreadable "no log in $PWD"
k=1
while [ "$k" -le "$count" ]; do
	[ -e "$(segment_name $k)" ] || broken tampered "$count segments, but no $(segment_name $k)"
	k=$((k + 1))
done
torn_at='' k=1
while [ "$k" -le "$count" ]; do
	segment
	k=$((k + 1))
done
integrity=ok integrity_text="chain and session signatures $last_n/$last_n, head $last_head"
[ -z "$torn_at" ] || integrity=torn integrity_text=$torn_at

# --- the slots, which a key on the disk wrote: watch.jsonl ---

slot_n=0 slot_head='' slot_at=0 # where the lines that hold end
: >"$tmp/slots"

# governs finds the delegation on which the next slot rests: the last that was
# made before the slot was there.
governs() {
	d_seg='' d=0
	while read -r after _ _ head_there key from until watches; do
		d=$((d + 1))
		[ "$after" -ge $((slot_n + 1)) ] || d_seg=$d d_head=$head_there d_key=$key d_from=$from d_until=$until d_watches=$watches
	done <"$tmp/delegations"
	[ -n "$d_seg" ]
}

# slot_holds FILE LENGTH SIG: the signature of a slot by the key of its delegation.
slot_holds() {
	space=slot.v1@$(domain)
	{
		echo '-----BEGIN SSH SIGNATURE-----'
		{
			wrapped "$space" "$d_key"
			printf %s "$3" | base64 -d
		} | base64
		echo '-----END SSH SIGNATURE-----'
	} >"$tmp/line.sig"
	head -c $(($2 - 99)) "$1" | ssh-keygen -q -Y check-novalidate -n "$space" -s "$tmp/line.sig" >/dev/null 2>&1
}

# watched STEP: it is one of those that were delegated.
watched() {
	for watch in $(printf %s "$d_watches" | tr , ' '); do
		[ "$(printf %s "$watch" | code)" != "$1" ] || return 0
	done
	return 1
}

# slot LEFT ITS-HASH FILE V LENGTH RUN SEG N PREV KIND SIG AT WHEN FRACTION STEP TORN ITS-HASH
# takes a line of watch.jsonl; LEFT bytes that a crash left stand before it.
slot() {
	[ $# = 17 ] && [ "$4" = 1 ] && governs || return 1
	prev=$slot_head
	[ "$slot_n" -gt 0 ] || prev=$d_head
	[ "$6 $7 $8 $9" = "$run $d_seg $((slot_n + 1)) $prev" ] || return 1
	[ "${16} ${17}" = "$1 $2" ] || return 1
	[ "${13}" -ge "$d_from" ] && [ "${13}" -le "$d_until" ] || return 1
	[ "${13}" != "$d_until" ] || [ "${14}" = 000000 ] || return 1
	case ${10} in
	slot | gap) watched "${15}" || return 1 ;;
	clock.step) [ "${15}" = - ] || watched "${15}" || return 1 ;;
	*) return 1 ;;
	esac
	slot_holds "$3" "$5" "${11}"
}

# slots reads watch.jsonl as far as it holds.
slots() {
	left=0 left_sum=- tries=0
	while [ "$tries" -le 64 ]; do
		tail -c +$((slot_at + left + 1)) watch.jsonl >"$tmp/tail"
		[ -s "$tmp/tail" ] || break
		rows "$tmp/tail"
		exec 3<"$tmp/rows"
		bad=''
		for line in "$tmp"/lines/*; do
			read -r head again rest <&3 || break
			[ "$head" = "$again" ] || numbers "$line"
			# shellcheck disable=SC2086 # words without a space by their form
			if [ "$head" != "$again" ] || ! slot "$left" "$left_sum" "$line" $rest; then
				bad=$line
				break
			fi
			slot_n=$((slot_n + 1)) slot_head=$head slot_at=$((slot_at + left + $(size <"$line"))) left=0 left_sum=-
			printf '%s\n' "$head" >>"$tmp/slots"
			printf '%s\n' "$d_seg" >>"$tmp/used"
		done
		exec 3<&-
		[ -n "$bad" ] || break
		[ "$(tail -c 1 "$bad" | tr -dc '\n' | size)" = 1 ] || break
		left=$((left + $(size <"$bad"))) tries=$((tries + 1))
		left_sum=$(tail -c +$((slot_at + 1)) watch.jsonl | head -c "$left" | sum)
	done
	tail -c +$((slot_at + 1)) watch.jsonl >"$tmp/rest"
	[ ! -s "$tmp/rest" ] || torn "$tmp/rest" || broken tampered "watch.jsonl at byte $slot_at, behind line $slot_n: not a slot that was delegated"
}

: >"$tmp/rest"
if [ -L watch.jsonl ]; then broken unreadable 'watch.jsonl is not a regular file'; fi
if [ -e watch.jsonl ]; then
	[ -f watch.jsonl ] || broken tampered 'watch.jsonl is not a regular file'
	slots
fi
while read -r n head; do
	[ "$n" -le "$slot_n" ] || broken tampered "watch.jsonl ends at line $slot_n, and the log is committed to $n"
	[ "$(head -n "$n" "$tmp/slots" | tail -n 1)" = "$head" ] || broken tampered "line $n of watch.jsonl is not the one the log is committed to"
done <"$tmp/anchors"
[ -z "$ended" ] || [ "$slot_n" -le "$anchored" ] || broken tampered "watch.jsonl has $slot_n lines, and the end of the run is committed to $anchored"
if [ -s "$tmp/rest" ] && [ "$slot_n $(size <"$tmp/rest") $(sum <"$tmp/rest")" != "$anchored $anchored_torn" ]; then
	[ "$integrity" = torn ] || integrity_text="watch.jsonl at byte $slot_at: $(size <"$tmp/rest") bytes without an end"
	integrity=torn
fi

# --- the files beside the log ---

# same NAME HASH: it is a file, no link to one, and what was recorded.
same() { [ -f "$1" ] && [ ! -L "$1" ] && [ "$(sum 2>/dev/null <"$1" | tr -d '\n' | code)" = "$2" ]; }

# beside NAME holds a file of statements against the log.
beside() {
	[ -f "$1" ] && [ ! -L "$1" ] || return 1
	[ ! -f "$tmp/$1" ] || {
		[ "$(sum <"$1")" = "$(sum <"$tmp/$1")" ]
		return
	}
	case $1 in *.report.md) ;; *) return 1 ;; esac
	named=$tmp/${1%.report.md}.txt
	[ -f "$named" ] || return 1
	while read -r a b c; do
		[ "$a $b" != 'report sha256' ] || [ "$c" != "$(sum <"$1")" ] || return 0
	done <"$named"
	return 1
}

if [ -e statements ] || [ -L statements ] || [ -e README.txt ] || [ -L README.txt ]; then
	for file in statements/* statements/.[!.]* statements/..?* "$tmp"/statements/*; do
		case $file in
		"$tmp"/*) file=${file#"$tmp/"} ;;
		*) [ -e "$file" ] || [ -L "$file" ] || continue ;;
		esac
		beside "$file" || broken tampered "$file is not what the log holds"
	done
fi

terms='' required=-
while read -r book target about roles; do
	if [ "$integrity" = ok ] && { [ -z "$roles" ] || ! same book.toml "$book" || ! same target.toml "$target"; }; then
		integrity=tampered integrity_text='book.toml or target.toml is not what the run was begun with'
	fi
	[ -n "$terms" ] || [ -z "$roles" ] || terms=$about required=$roles # the first counts
done <"$tmp/start"
[ -z "$went_back" ] || required=-

# --- who it was ---

# A practice run is held against the public keys beside the runs: they prove no person.
if [ "$world" = practice ]; then
	signers=''
	[ ! -r ../allowed_signers ] || signers=../allowed_signers
fi

# principals leaves every name in the signers' file: find-principals would name
# the first line of a key, whatever it may sign. What can't be read may be a
# limit, or a name that somebody is not.
cat >"$tmp/signers.jq" <<'JQ'
def stamp: "[0-9]{8}([0-9]{4}([0-9]{2})?)?Z?";
def option: "([Cc][Ee][Rr][Tt]-[Aa][Uu][Tt][Hh][Oo][Rr][Ii][Tt][Yy]|[Nn][Aa][Mm][Ee][Ss][Pp][Aa][Cc][Ee][Ss]=\"[^\"]+\"|[Vv][Aa][Ll][Ii][Dd]-([Aa][Ff][Tt][Ee][Rr]|[Bb][Ee][Ff][Oo][Rr][Ee])=\"" + stamp + "\")";
split("\n") | to_entries[] | .key as $i | .value | sub("\\A[ \t\r\f]+"; "") | sub("[ \t\r\f]+\\z"; "") | select(. != "" and (startswith("#") | not))
| (capture("\\A(\"(?<quoted>[^\"]+)\"|(?<name>[^\" \t][^ \t]*))[ \t]*(?<options>" + option + "(," + option + ")*)?(?<=[ \t\"yY])[ \t]*(?<key>(ssh-|ecdsa-|sk-)[a-z0-9@.-]+[ \t]+[A-Za-z0-9+/]+={0,2})([ \t][^\r]*)?\\z")
	// error("line \($i + 1)"))
| (.quoted // .name) as $names
| [.options // "" | match("(?:\\A|,)([A-Za-z-]+)(?:=\"[^\"]*\")?"; "g").captures[0].string | ascii_downcase] as $said
| if ($names | contains("!")) or ($said | unique | length) != ($said | length) then error("line \($i + 1)") else . end
| ($names | split(",")[] | "name " + .), "key " + .key
JQ
principals() {
	jq -Rrs "$(cat "$tmp/signers.jq")" <"$signers" >"$tmp/listed" 2>/dev/null || return 1
	while read -r what text; do
		[ "$what" != key ] || printf '%s\n' "$text"
	done <"$tmp/listed" >"$tmp/keys"
	[ ! -s "$tmp/keys" ] || [ "$(ssh-keygen -l -f "$tmp/keys" 2>/dev/null | wc -l)" -eq "$(wc -l <"$tmp/keys")" ] || return 1
	while IFS= read -r text; do
		case $text in "name "*) printf '%s\n' "${text#name }" ;; esac
	done <"$tmp/listed" | sort -u >"$tmp/principals"
}
: >"$tmp/principals"
if [ -n "$signers" ] && ! principals; then
	echo "VERIFY.sh: $signers: a line of it can't be read; want: principals [namespaces=\"…\",valid-after=\"…\",valid-before=\"…\"] key, and no name behind !" >&2
	exit 2
fi

# vouched STATEMENT NAMESPACE TIME prints who the signers say signed it.
vouched() {
	statement=$1 space=$2 at=$(date -d "$3Z" +%Y%m%d%H%M%S)
	set -- -f "$signers" -n "$space" -s "$statement.sig" -O "verify-time=$at"
	[ -z "$revoked" ] || set -- "$@" -r "$revoked"
	while IFS= read -r who; do
		if ssh-keygen -q -Y verify "$@" -I "$who" <"$statement" >/dev/null 2>&1; then
			printf '%s' "$who"
			return
		fi
	done <"$tmp/principals"
	return 1
}

# revoked SIGNATURE: its key counts no more, by a list or by a KRL.
revoked() {
	key_blob "$1" >"$tmp/signer"
	key=$(base64 <"$tmp/signer" | tr -d '\n')
	case $(tr -d '\0' <"$revoked") in *"$key"*) return 0 ;; esac
	long=$(head -c 4 "$tmp/signer" | od -An -tu1 | { read -r _ _ a b && echo $((a * 256 + b)); })
	printf '%s %s\n' "$(tail -c +5 "$tmp/signer" | head -c "$long")" "$key" >"$tmp/signer.pub"
	ssh-keygen -Q -f "$revoked" "$tmp/signer.pub" >/dev/null 2>&1
	[ $? = 1 ]
}

# unvouched STATEMENT says why nobody does.
unvouched() {
	if [ -n "$revoked" ] && [ -s "$1.sig" ] && revoked "$1.sig"; then
		echo 'whose key is revoked'
	else
		echo 'NOBODY VOUCHES FOR'
	fi
}

identity=ok identity_text=''
while read -r k; do
	if who=$(vouched "$tmp/session.$k" "session@$(domain)" "$(cat "$tmp/session.$k.at")"); then
		identity_text="$identity_text, session $k $who"
	else
		identity=unverified identity_text="$identity_text, session $k $(unvouched "$tmp/session.$k")"
	fi
done <"$tmp/sessions"

d=0
while read -r _ n at _; do
	d=$((d + 1))
	case " $(sort -u "$tmp/used" | tr '\n' ' ')" in *" $d "*) ;; *) continue ;; esac # else nothing rests on it
	if who=$(vouched "$tmp/delegate.$n" "watch@$(domain)" "$at"); then
		identity_text="$identity_text, $who delegated slots"
	else
		identity=unverified identity_text="$identity_text, slots delegated at entry $n $(unvouched "$tmp/delegate.$n")"
	fi
done <"$tmp/delegations"

while read -r n at from; do
	if who=$(vouched "$tmp/handover.$n" "session@$(domain)" "$at"); then
		identity_text="$identity_text, $who signed to take over from session $from"
	else
		identity=unverified identity_text="$identity_text, hand-over at entry $n $(unvouched "$tmp/handover.$n")"
	fi
done <"$tmp/handed"

# signed: of each sign-off that counts which entry it is about, when, its role,
# scope, decision and key.
: >"$tmp/signed"
while read -r n at about time role scope decision names; do
	if ! who=$(vouched "$tmp/attest.$n" "signoff.$role@$(domain)" "$at"); then
		identity=unverified identity_text="$identity_text, $role at entry $n $(unvouched "$tmp/attest.$n")"
	elif [ -n "$terms" ] && [ "$(printf %s "$names" | code)" != "$terms" ]; then
		identity=unverified identity_text="$identity_text, $role at entry $n NAMES ANOTHER BOOK, TARGET OR MODE"
	else
		identity_text="$identity_text, $who $decision as $role"
		printf '%s\n' "$about $time $role $scope $decision $(cat "$tmp/attest.$n.key")" >>"$tmp/signed"
	fi
done <"$tmp/attests"
identity_text=${identity_text#, }

# --- has the run ended, and has every role signed: of each key its last word
# counts, and one reject outweighs all approvals ---

cat >"$tmp/words.jq" <<'JQ'
def rows: split("\n") | map(select(. != "") | split(" "));
def plain: gsub("[^ -~]"; "?");
# Which log a key saw, and when, says what it said last: where that stands in
# this one is the driver's doing. A reject yields only to what is newer by both.
def newer($than):
	.about >= $than.about and .time >= $than.time and [.about, .time] != [$than.about, $than.time];
def last_word:
	. as $all | map(select(.decision == "reject" and (. as $reject | any($all[]; newer($reject)) | not)))
	| if . == [] then $all else . end | max_by([.about, .time, .decision]);
($signed | rows | map({about: (.[0] | tonumber), time: .[1], role: .[2], scope: .[3], decision: .[4], key: .[5]})) as $signed
JQ
cat >"$tmp/roles.jq" <<'JQ'
| (if $wanted == "" then [] else $wanted | fromjson end) as $wanted
| [$wanted[] as $w
	| [$signed[] | select(.role == $w.role and .scope == $w.scope)] | group_by(.key)
	| map({key: .[0].key, value: last_word.decision}) | from_entries] as $said
| range($wanted | length) as $i | $wanted[$i] as $w
| [range($wanted | length) | select($wanted[.].role != $w.role) | $said[.] | to_entries[] | select(.value == "approve") | .key] as $elsewhere
| [$said[$i] | to_entries[] | select(.value != "approve" or ($w.distinct | not) or (.key | IN($elsewhere[]) | not)) | .value] as $words
| (if $words | any(. == "reject") then "rejected" elif $words | any(. == "approve") then "ok" else "missing" end)
	+ " \($w.role | plain) (\($w.scope | plain))"
JQ
# On the way back a reject holds back nothing, and is not to be overlooked.
cat >"$tmp/stands.jq" <<'JQ'
| $signed | group_by([.role, .scope, .key]) | map(last_word | select(.decision == "reject") | ", \(.role) (\(.scope)) rejected") | unique | join("")
JQ
decode "$required" >"$tmp/wanted"
jq -rn --rawfile signed "$tmp/signed" --rawfile wanted "$tmp/wanted" "$(cat "$tmp/words.jq" "$tmp/roles.jq")" >"$tmp/roles" || exit 2
jq -rn --rawfile signed "$tmp/signed" "$(cat "$tmp/words.jq" "$tmp/stands.jq")" >"$tmp/stands" || exit 2

completeness=ok completeness_text='run.end is there'
[ -n "$ended" ] || completeness='open' completeness_text='no run.end'
[ "$integrity" != torn ] || completeness=torn completeness_text="the last whole entry is $last_n"
worst=ok
while read -r word role; do
	completeness_text="$completeness_text, $role $word"
	case $word in
	rejected) worst=rejected ;;
	missing) [ "$worst" = rejected ] || worst=missing ;;
	esac
done <"$tmp/roles"
[ -z "$went_back" ] || completeness_text="$completeness_text, it went back at entry $went_back and nobody has to sign$(cat "$tmp/stands")"
[ "$completeness" != ok ] || completeness=$worst
[ "$completeness" != ok ] || [ -n "$terms" ] || completeness=missing completeness_text='no entry says what the run was begun with, and who must sign'

# --- what others have seen of it ---

# The head codes of this run: one behind another run's name is not.
cat >"$tmp/heads.jq" <<'JQ'
match("(?:(?<![0-9A-Za-z_])run (?<run>[0-9a-f]{4,32}) head )?(?<![0-9A-Za-z_])(?<n>[1-9][0-9]{0,9})-(?<code>[A-Z2-7]{4}(?:-[A-Z2-7]{4}){5})(?![0-9A-Za-z_])"; "g").captures
| map({(.name): .string}) | add
| select(.run as $of | $of == null or $of == "" or ($run | startswith($of))) | "\(.n) \(.n)-\(.code)"
JQ

# anchored_by HEADS holds the log against the codes in it; the first that it is
# not decides.
anchored_by() {
	[ "$(size <"$1")" -gt 16777216 ] || jq -Rr --arg run "$run" "$(cat "$tmp/heads.jq")" <"$1" >"$tmp/codes" || exit 2
	[ -s "$tmp/codes" ] || {
		printf 'VERIFY.sh: %s: no head code of run %.8s\n' "$1" "$run" >&2
		exit 2
	}
	anchoring=ok seen=0 newest=0
	while read -r n code; do
		seen=$((seen + 1))
		[ "$n" -lt "$newest" ] || newest=$n
		if [ "$n" -gt "$last_n" ]; then
			anchoring='rolled back' anchoring_text="$1 has seen entry $n, the log ends at $last_n"
			return
		fi
		read -r head _ <<-END
			$(head -n "$n" "$tmp/ends" | tail -n 1)
		END
		if [ "$code" != "$(head_code "$n" "$head")" ]; then
			anchoring=forked anchoring_text="$1 has seen another entry $n"
			return
		fi
	done <"$tmp/codes"
	anchoring_text="heads seen elsewhere: $seen, the last at $newest of $last_n by $1"
}

anchoring=none anchoring_text='compare the head with where it was posted'
[ -z "$heads" ] || anchored_by "$heads"
verdict
