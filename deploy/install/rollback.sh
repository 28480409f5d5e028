#!/usr/bin/env bash
# Back to the version before, or to any that is still there.
#
#   rollback.sh [VERSION] [--backup FILE] [--wait S] [--root DIR]
#
#   VERSION        default: the one that ran before
#   --backup FILE  put this backup in place too. It is needed where the newer version has changed the stores: the old one cannot
#                  read those. What happened since that backup is then kept beside as /var/lib/inspection-node.before-TIME
set -euo pipefail
umask 022
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=deploy/install/steps.sh
. "$here/steps.sh"

version='' saved='' wait_s=60
usage() { sed -n '2,8p' "$0" | sed 's/^# \{0,1\}//' >&2; exit 64; }
while [ $# -gt 0 ]; do
  case $1 in
    --wait | --root | --backup) [ $# -ge 2 ] || usage ;;&
    --wait) wait_s=$2; shift 2 ;;
    --root) root=$(realpath -m "$2"); shift 2 ;;
    --backup) saved=$2; shift 2 ;;
    -*) usage ;;
    *) [ -z "$version" ] || usage; version=$1; shift ;;
  esac
done
[ "$root" != / ] || root=''
now=$(installed_version)
[ -n "$version" ] || version=$(before "$now") || die "no version ran before $now"
[ -e "$root$opt/versions/$version/complete" ] || die "there is no version $version in $opt/versions: $(ls "$root$opt/versions")"
[ "$version" != "$now" ] || die "version $version runs already"

remember "$now" "$version"
if back_to "$version" "$saved" "$wait_s"; then
  say "version $version runs"
else
  say "version $version does not work: going back to $now"
  back_to "$now" '' "$wait_s" || die "version $now does not work either: lines are inactive; see journalctl -u inspection-node"
  exit 1
fi
