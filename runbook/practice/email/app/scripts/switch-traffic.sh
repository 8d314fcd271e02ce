#!/bin/sh
# Leads the users to one of the two copies; the proxy in front reads the file.
set -eu
case "${1:-}" in
blue | green) ;;
*)
	echo "usage: switch-traffic.sh blue|green" >&2
	exit 2
	;;
esac
echo "$1" >traffic
echo "users reach $1"
