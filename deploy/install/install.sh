#!/usr/bin/env bash
# Puts an inspection node on this machine: accounts, folders, a version of its own, settings, keys, broker, proxy, units.
# Run it again to bring a machine back to this state: what is right stays, settings and keys are never overwritten.
#
#   install.sh [--from PATH] [--node-id ID] [--no-broker] [--no-proxy] [--python FILE] [--root DIR] [--dry-run]
#   install.sh --uninstall [--purge --yes] [--root DIR] [--dry-run]
#
#   --from PATH     a bundle (inspection-node bundle), a wheel, or a source tree; default: what this script came with
#   --node-id ID    the id of a new node, default: the machine's name. Settings that are there keep theirs
#   --no-broker     the broker is elsewhere; --no-proxy: no nginx in front of the web
#   --python FILE   the Python, 3.11 or newer
#   --root DIR      below DIR instead of /: for images and tests. No account is made and nothing is started
#   --dry-run       say what would be done, and do nothing
#   --uninstall     stop and remove the product; settings, keys and state stay unless --purge --yes is given
set -euo pipefail
umask 022
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=deploy/install/steps.sh
. "$here/steps.sh"

from='' node_id='' broker=yes proxy=yes python='' uninstall=no purge=no sure=no
usage() { sed -n '2,16p' "$0" | sed 's/^# \{0,1\}//' >&2; exit 64; }
while [ $# -gt 0 ]; do
  case $1 in
    --from | --node-id | --python | --root)
      [ $# -ge 2 ] || usage
      case $1 in --from) from=$2 ;; --node-id) node_id=$2 ;; --python) python=$2 ;; --root) root=$(realpath -m "$2") ;; esac
      shift 2
      ;;
    --no-broker) broker=no; shift ;;
    --no-proxy) proxy=no; shift ;;
    --dry-run) dry=yes; shift ;;
    --uninstall) uninstall=yes; shift ;;
    --purge) purge=yes; shift ;;
    --yes) sure=yes; shift ;;
    *) usage ;;
  esac
done
[ "$root" != / ] || root=''
if [ "$purge" = yes ] && [ "$uninstall$sure" != yesyes ]; then
  die "--purge removes results, programs and keys for good: give --uninstall --purge --yes"
fi
[ "$dry" = yes ] || [ "$(id -u)" = 0 ] || [ -n "$root" ] || die "this needs root: sudo $0 ..."

if [ "$uninstall" = yes ]; then
  remove_units
  remove_files
  [ "$purge" = no ] || remove_state
  say "removed$([ "$purge" = yes ] || echo "; settings (/etc/inspection-node) and state (/var/lib/inspection-node) are still there")"
  exit 0
fi

find_source "$from"
find_python "$python"
: "${node_id:=$(hostname -s | tr '[:upper:]' '[:lower:]' | tr -c 'a-z0-9\n-' '-')}"
[[ $node_id =~ ^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$ ]] || die "--node-id: '$node_id' is no id: letters, digits, . _ -"

system_packages "$broker" "$proxy"
accounts
folders
build_version
settings "$node_id" "$proxy"
credentials
[ "$broker" = no ] || broker_files
[ "$proxy" = no ] || proxy_files
units
switch_to "$version"
words
start_all "$broker" "$proxy"
finish
