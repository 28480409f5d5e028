#!/usr/bin/env bash
# Another version in place of the one that runs. What cannot work is undone by itself: then the old version runs again.
# Triggers that come meanwhile wait at the broker, and are answered afterwards.
#
#   deploy.sh PATH|VERSION [--wait S] [--root DIR] [--dry-run]
#
#   PATH      a bundle, a wheel or a source tree, as for install.sh; VERSION: one that is below /opt/inspection-node/versions
#   --wait S  how long the new version may take until node and web are well (default 60)
#
# In this order: build beside, back up, switch, stop, migrate, start, look. Ends with 0, or with 1 when the old version runs again.
set -euo pipefail
umask 022
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=deploy/install/steps.sh
. "$here/steps.sh"

wanted='' wait_s=60
usage() { sed -n '2,10p' "$0" | sed 's/^# \{0,1\}//' >&2; exit 64; }
while [ $# -gt 0 ]; do
  case $1 in
    --wait | --root) [ $# -ge 2 ] || usage ;;&
    --wait) wait_s=$2; shift 2 ;;
    --root) root=$(realpath -m "$2"); shift 2 ;;
    --dry-run) dry=yes; shift ;;
    -*) usage ;;
    *) [ -z "$wanted" ] || usage; wanted=$1; shift ;;
  esac
done
[ -n "$wanted" ] || usage
[ "$root" != / ] || root=''
old=$(installed_version)

if [ -e "$root$opt/versions/$wanted/complete" ]; then
  version=$wanted
else
  find_source "$wanted"
  find_python ''
  [ "$version" != "$old" ] || die "version $version runs already"
  build_version
fi
[ "$version" != "$old" ] || die "version $version runs already"
if [ "$dry" = yes ]; then say "would back up, switch from $old to $version, stop, migrate, start, and look for $wait_s s"; exit 0; fi

look=()
in_version "$old" healthy --wait 2 >/dev/null || { look=(--any-station); say "note: it is not well already ($(in_version "$old" healthy --wait 1 | tr '\n' ' '))"; }
in_version "$old" backup "$root$backups" >/dev/null
saved=$(newest_backup)
say "backed up: ${saved#"$root"}"
change_version "$old" "$version" "$wait_s" "${look[@]}" && { say "version $version runs"; exit 0; }

say "version $version does not work: going back to $old"
back_to "$old" "$saved" 60 "${look[@]}" || die "version $old does not work either: lines are inactive; see journalctl -u inspection-node"
say "version $old runs again"
exit 1
