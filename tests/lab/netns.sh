#!/bin/bash
# netns.sh - hosts and links for tests, in network namespaces (root).
#   . netns.sh                     then call:
#   ns_up   NAME...                namespaces NAME... with loopback up
#   ns_veth A IFA ADDR  B IFB ADDR a perfect cable; ADDR like 10.1.0.2/24 or fd00::2/64
#   ns_bad  A IFA ADDR  B IFB ADDR [impair options]   a bad cable (impair.c beside this)
#           its pid in $IMPAIR_PID; change it live: echo "l 30" >&$IMPAIR_FD
#   ns_nat  NS OUT_IF [sym]        NS forwards and masquerades out of OUT_IF (sym: random
#                                  port per destination = symmetric NAT)
#   ns_mcast NS IF                 route multicast out of IF
#   ns_drop NS IF PERMILLE         random loss by nftables on what leaves IF
#   ns_rate NS IF RATE             token bucket, e.g. 2mbit
#   ns_run  NS COMMAND...          run COMMAND in it
#   ns_spawn NS COMMAND...         the same in the background: its own pid in $NS_PID;
#                                  ns_down ends it ("ns_run ... &" would hide the pid)
#   ns_down                        remove everything made here
NS_MADE='' NS_PIDS='' NS_DIR=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
ns_up() { local n; for n; do ip netns add "$n" && NS_MADE+=" $n"; ip -n "$n" link set lo up; done; }
ns_run() { local n=$1; shift; ip netns exec "$n" "$@"; }
ns_spawn() { local n=$1; shift; ip netns exec "$n" "$@" & NS_PID=$!; NS_PIDS+=" $NS_PID"; } # ip execs it
ns_addr() { ip -n "$1" addr add "$3" dev "$2" nodad 2>/dev/null || ip -n "$1" addr add "$3" dev "$2"; ip -n "$1" link set "$2" up; }
ns_veth() { ip link add "$2" netns "$1" type veth peer name "$5" netns "$4"; ns_addr "$1" "$2" "$3"; ns_addr "$4" "$5" "$6"; }
ns_bad() {
	local a=$1 i=$2 x=$3 b=$4 j=$5 y=$6 t; shift 6; t=$(mktemp -d)
	[ -x "${IMPAIR:=${TMPDIR:-/tmp}/impair.$UID}" ] && [ "$IMPAIR" -nt "$NS_DIR/impair.c" ] || ${CC:-cc} -O2 -o "$IMPAIR" "$NS_DIR/impair.c" || return
	mkfifo "$t/in" "$t/out"; "$IMPAIR" "$@" "$a:$i" "$b:$j" < "$t/in" > "$t/out" & IMPAIR_PID=$!
	# shellcheck disable=SC2034 # the caller writes to it
	exec {IMPAIR_FD}> "$t/in"; read -r _ < "$t/out"; rm -r "$t"; NS_PIDS+=" $IMPAIR_PID"
	ns_addr "$a" "$i" "$x"; ns_addr "$b" "$j" "$y"
}
ns_nat() {
	ns_run "$1" sysctl -qw net.ipv4.ip_forward=1
	printf 'table ip t_nat {\n chain p {\n  type nat hook postrouting priority 100\n  oifname "%s" masquerade %s\n }\n}\n' "$2" "${3:+fully-random}" | ns_run "$1" nft -f -
}
ns_mcast() { ip -n "$1" route add 224.0.0.0/4 dev "$2"; }
ns_drop() {
	ns_run "$1" nft delete table inet t_drop 2>/dev/null || :
	printf 'table inet t_drop {\n chain o {\n  type filter hook postrouting priority 300\n  oifname "%s" numgen random mod 1000 < %s drop\n }\n}\n' "$2" "$3" | ns_run "$1" nft -f -
}
ns_rate() { ns_run "$1" tc qdisc replace dev "$2" root tbf rate "$3" burst 70k latency 200ms; } # burst > one GSO frame
ns_down() {
	local p n; for p in $NS_PIDS; do kill "$p" 2>/dev/null || :; wait "$p" 2>/dev/null || :; done
	for n in $NS_MADE; do ip netns del "$n"; done; NS_MADE='' NS_PIDS=''
}
