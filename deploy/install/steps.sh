# shellcheck shell=bash
# What install.sh, deploy.sh and rollback.sh have in common: each step looks first, and changes only what is not right yet.
# shellcheck disable=SC2034
root='' dry=no
opt=/opt/inspection-node etc=/etc/inspection-node state=/var/lib/inspection-node backups=/var/backups/inspection-node
units_list=(inspection-node.service inspection-web.service)
others_list=(inspection-backup.timer inspection-backup.service)

say() { echo "$*"; }
die() { echo "$(basename "$0"): $*" >&2; exit 1; }
# act WORDS: run a command, or say it
act() { if [ "$dry" = yes ]; then say "would run: $*"; else "$@"; fi; }
live() { [ -z "$root" ]; }

# put SOURCE TARGET MODE [OWNER]: a file as it has to be; TARGET is below the root
put() {
  local source=$1 target=$root$2 mode=$3 owner=${4-}
  if [ -f "$target" ] && cmp -s "$source" "$target"; then return 0; fi
  if [ "$dry" = yes ]; then say "would write: $2"; return 0; fi
  mkdir -p "$(dirname "$target")"
  install -m "$mode" "$source" "$target.new"
  if [ -n "$owner" ] && live; then chown "$owner" "$target.new"; fi
  sync "$target.new"
  mv "$target.new" "$target"
  say "wrote: $2"
}

# find_source PATH: source_kind, source_path and version of what is to be installed
find_source() {
  local path=${1:-}
  if [ -z "$path" ]; then
    if [ -f "$here/../wheels/MANIFEST" ]; then path=$here/..; else path=$here/../..; fi
  fi
  [ -e "$path" ] || die "--from: there is no $path"
  path=$(realpath "$path")
  case $path in
    *.tar.gz)
      unpacked=$(mktemp -d) # not local: it is removed at the very end
      trap 'rm -rf "$unpacked"' EXIT
      tar -xzf "$path" -C "$unpacked" --no-same-owner
      path=$(find "$unpacked" -mindepth 1 -maxdepth 1 -type d)
      ;;
  esac
  if [ -f "$path/wheels/MANIFEST" ]; then
    source_kind=bundle
    (cd "$path/wheels" && sha256sum --quiet --check MANIFEST) || die "--from: the bundle was changed or cut off"
    version=$(find "$path/wheels" -name 'inspection_node-*.whl' -printf '%f\n' | cut -d- -f2)
  elif [[ $path == *.whl ]]; then
    source_kind=wheel
    version=$(basename "$path" | cut -d- -f2)
  elif [ -f "$path/pyproject.toml" ]; then
    source_kind=tree
    version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$path/pyproject.toml" | head -1)
  else
    die "--from: $path is neither a bundle, nor a wheel, nor a source tree"
  fi
  source_path=$path
  [[ $version =~ ^[0-9][0-9A-Za-z.+]*$ ]] || die "--from: no version can be read from $path"
}

find_python() {
  local name
  for name in "$1" python3 python3.14 python3.13 python3.12 python3.11; do
    if [ -n "$name" ] && command -v "$name" >/dev/null && "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      python=$(command -v "$name")
      "$python" -c 'import ensurepip, venv' 2>/dev/null || die "$python cannot make a virtual environment: apt-get install python3-venv"
      return 0
    fi
    [ -z "$name" ] || [ "$name" != "$1" ] || die "--python: $name is not Python 3.11 or newer"
  done
  die "Python 3.11 or newer is needed: apt-get install python3 python3-venv"
}

system_packages() {
  local wanted=() name
  live || return 0
  command -v openssl >/dev/null || wanted+=(openssl)
  [ "$1" = no ] || [ -x /usr/sbin/mosquitto ] || wanted+=(mosquitto mosquitto-clients)
  [ "$2" = no ] || [ -x /usr/sbin/nginx ] || wanted+=(nginx-light)
  [ ${#wanted[@]} = 0 ] && return 0
  command -v apt-get >/dev/null || die "install these first: ${wanted[*]}"
  act env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${wanted[@]}"
}

accounts() {
  put "$here/sysusers.conf" /etc/sysusers.d/inspection-node.conf 644
  if live; then act systemd-sysusers /etc/sysusers.d/inspection-node.conf; fi
}

folders() {
  put "$here/tmpfiles.conf" /etc/tmpfiles.d/inspection-node.conf 644
  if live; then
    act systemd-tmpfiles --create /etc/tmpfiles.d/inspection-node.conf
  elif [ "$dry" = no ]; then
    mkdir -p "$root$etc/credentials" "$root$state" "$root$backups"
    chmod 750 "$root$etc"
    chmod 700 "$root$etc/credentials" "$root$backups"
    chmod 2770 "$root$state"
  fi
}

# build_version: an environment of its own for this version, whole or not there. The file `complete` is its last one, and
# everything before it is on the disk when it appears: a power cut must not leave a version that says so and has empty files.
build_version() {
  local folder=$root$opt/versions/$version lock no_index=()
  if [ -e "$folder/complete" ] && [ "$source_kind" != tree ]; then return 0; fi
  if [ "$source_kind" = wheel ] && [ ! -f "$(dirname "$source_path")/requirements.lock" ]; then
    die "beside a wheel its requirements.lock is needed; or take a bundle: inspection-node bundle FILE"
  fi
  if [ "$dry" = yes ]; then say "would build: $opt/versions/$version from a $source_kind"; return 0; fi
  say "building $opt/versions/$version ..."
  [ ! -e "$folder/complete" ] || rm "$folder/complete"
  mkdir -p "$root$opt/versions"
  "$python" -m venv --clear "$folder"
  case $source_kind in
    bundle)
      no_index=(--no-index --find-links "$source_path/wheels")
      lock=$source_path/requirements.lock
      ;;
    wheel) lock=$(dirname "$source_path")/requirements.lock ;;
    tree) lock=$source_path/requirements.lock ;;
  esac
  "$folder/bin/pip" install --quiet --disable-pip-version-check --require-hashes "${no_index[@]}" -r "$lock"
  case $source_kind in
    bundle) "$folder/bin/pip" install --quiet --disable-pip-version-check --no-deps --no-index "$source_path"/wheels/inspection_node-*.whl ;;
    wheel) "$folder/bin/pip" install --quiet --disable-pip-version-check --no-deps "$source_path" ;;
    tree) build_tree "$folder" ;;
  esac
  "$folder/bin/inspection-node" --version >/dev/null
  cp -r "$here" "$folder/install"
  sync -f "$folder"
  touch "$folder/complete"
  sync "$folder/complete" "$folder"
}

# build_tree FOLDER: from a copy, so that nothing is written into the tree
build_tree() {
  local copy
  copy=$(mktemp -d)
  tar -C "$source_path" --exclude=./.git --exclude=./.venv --exclude='*.egg-info' --exclude=./build -cf - . | tar -C "$copy" -xf -
  "$1/bin/pip" install --quiet --disable-pip-version-check --no-deps "$copy"
  rm -rf "$copy"
}

# settings ID PROXY: a first settings file; one that is there is never touched
settings() {
  local file=$root$etc/node.toml
  if [ -e "$file" ]; then return 0; fi
  if [ "$dry" = yes ]; then say "would write: $etc/node.toml"; return 0; fi
  mkdir -p "$root$etc"
  sed -e "s/@NODE_ID@/$1/" -e "s/@PROXY_HOPS@/$([ "$2" = yes ] && echo 1 || echo 0)/" "$here/node.toml" >"$file.new"
  chmod 640 "$file.new"
  if live; then chgrp inspection-node "$file.new"; fi
  mv "$file.new" "$file"
  say "wrote: $etc/node.toml"
}

# credentials: random keys and passwords, each a file that only root reads; systemd hands them to the units
credentials() {
  local folder=$root$etc/credentials
  if [ -e "$folder/broker_password" ]; then return 0; fi
  if [ "$dry" = yes ]; then say "would make: keys and passwords in $etc/credentials"; return 0; fi
  "$root$opt/versions/$version/bin/inspection-node" secrets new --folder "$folder" >/dev/null
  say "made: keys and passwords in $etc/credentials"
}

node_of() { sed -n 's/^node_id *= *"\(.*\)".*/\1/p' "$root$etc/node.toml" | head -1; }

# broker_files: mosquitto with our settings, users and rights; PLC, panel and viewer get passwords of their own
broker_files() {
  local bin=$root$opt/versions/$version/bin work id user name secret passwords=$root/etc/mosquitto/inspection.passwd
  if [ "$dry" = yes ]; then say "would write: /etc/mosquitto/{mosquitto.conf,inspection-acl.conf,inspection.passwd}"; return 0; fi
  id=$(node_of)
  work=$(mktemp -d)
  (cd / && "$bin/python" -P -m broker.acl --node "$id") >"$work/acl"
  put "$work/acl" /etc/mosquitto/inspection-acl.conf 640 root:mosquitto
  sed -e 's/^allow_anonymous true/allow_anonymous false/' -e 's/^#password_file /password_file /' -e 's/^#acl_file /acl_file /' "$here/../mosquitto.conf" >"$work/conf"
  if [ ! -e "$passwords" ]; then # the first time; from then on mosquitto.conf is the site's
    if [ -e "$root/etc/mosquitto/mosquitto.conf" ]; then
      cp -p "$root/etc/mosquitto/mosquitto.conf" "$root/etc/mosquitto/mosquitto.conf.before-inspection-node"
    fi
    put "$work/conf" /etc/mosquitto/mosquitto.conf 644
    : >"$passwords.new"
    chmod 600 "$passwords.new"
    for user in "$id:broker_password" web:web_broker_password plc: operator: viewer:; do
      name=${user#*:}
      if [ -z "$name" ]; then
        name=broker_${user%%:*}
        [ -e "$root$etc/credentials/$name" ] || (umask 077 && openssl rand -hex 16 >"$root$etc/credentials/$name")
      fi
      secret=$(cat "$root$etc/credentials/$name")
      printf '%s\n' "$secret" "$secret" | mosquitto_passwd "$passwords.new" "${user%%:*}" >/dev/null # asked for twice; not in a list of processes
    done
    if live; then chown mosquitto: "$passwords.new"; fi
    mv "$passwords.new" "$passwords"
    say "wrote: /etc/mosquitto/inspection.passwd"
  fi
  rm -rf "$work"
}

# proxy_files: certificates of the plant's own authority for the web, and nginx in front of it
proxy_files() {
  local host
  host=$(hostname -f 2>/dev/null || hostname)
  if [ ! -e "$root$etc/pki/ca.crt" ]; then act "$here/certs.sh" --dir "$root$etc/pki" ca "Inspection plant CA of $host"; fi
  if [ ! -e "$root$etc/pki/web.crt" ]; then act "$here/certs.sh" --dir "$root$etc/pki" server web "$host" localhost 127.0.0.1; fi
  put "$here/nginx.conf" /etc/nginx/sites-available/inspection-node 644
  put "$here/nginx-restart.conf" /etc/systemd/system/nginx.service.d/inspection-node.conf 644
  if [ ! -e "$root/etc/nginx/sites-enabled/inspection-node" ] && [ "$dry" = no ]; then
    mkdir -p "$root/etc/nginx/sites-enabled"
    ln -sf /etc/nginx/sites-available/inspection-node "$root/etc/nginx/sites-enabled/inspection-node"
    [ ! -L "$root/etc/nginx/sites-enabled/default" ] || rm "$root/etc/nginx/sites-enabled/default"
  fi
}

# the command of the current version, which finds this machine's settings and, for root, its keys
words() { put "$here/inspection-node" /usr/local/bin/inspection-node 755; }

# units [VERSION]: what this script came with, or what is installed as that version
units() {
  local unit from=$here
  if [ -n "${1-}" ]; then from=$root$opt/versions/$1/install; fi
  for unit in "${units_list[@]}" "${others_list[@]}"; do
    if [ -e "$from/$unit" ]; then put "$from/$unit" "/etc/systemd/system/$unit" 644; fi
  done
}

# switch_to VERSION: `current` names another version, in one step
switch_to() {
  local now
  now=$(readlink "$root$opt/current" 2>/dev/null || true)
  if [ "$now" = "versions/$1" ]; then return 0; fi
  if [ "$dry" = yes ]; then say "would switch: $opt/current to $1"; return 0; fi
  ln -sfn "versions/$1" "$root$opt/current.new"
  mv -T "$root$opt/current.new" "$root$opt/current"
  sync "$root$opt"
  say "current version: $1"
}

# remember OLD NEW: what worked before NEW, for rollback.sh. It is kept beside NEW, so that `current` decides which one is meant
remember() {
  local file=$root$opt/versions/$2/before
  echo "$1" >"$file.new"
  sync "$file.new"
  mv "$file.new" "$file"
}

# before VERSION: what worked before it; earlier releases kept that in one place
before() { cat "$root$opt/versions/$1/before" 2>/dev/null || cat "$root$opt/previous" 2>/dev/null; }

start_all() {
  live || return 0
  act systemctl daemon-reload
  if [ "$1" = yes ]; then act systemctl restart mosquitto; fi
  act systemctl enable --quiet "${units_list[@]}"
  act systemctl enable --now --quiet "${others_list[0]}"
  act systemctl restart "${units_list[@]}"
  if [ "$2" = yes ]; then act nginx -t -q && act systemctl reload-or-restart nginx; fi
}

# finish: whether it is well, which takes some seconds, and what to do next
finish() {
  if ! live || [ "$dry" = yes ]; then return 0; fi
  in_version "$version" healthy --any-station --wait 120 || die "$version is installed, but not well: journalctl -u inspection-node -u inspection-web"
  say "installed $version as node $(node_of). What now:"
  say "  inspection-node doctor          what is missing, and what to do about it"
  say "  https://$(hostname -f 2>/dev/null || hostname)/     the first administrator: journalctl -u inspection-web shows the link"
  say "  $etc/node.toml                  cameras and lines; then: systemctl reload inspection-node"
}

remove_units() {
  local unit
  if live; then act systemctl disable --now --quiet "${units_list[@]}" "${others_list[0]}" || true; fi
  for unit in "${units_list[@]}" "${others_list[@]}"; do act rm -f "$root/etc/systemd/system/$unit"; done
  if live; then act systemctl daemon-reload; fi
}

remove_files() {
  act rm -f "$root/etc/sysusers.d/inspection-node.conf" "$root/etc/tmpfiles.d/inspection-node.conf" "$root/usr/local/bin/inspection-node"
  act rm -f "$root/etc/nginx/sites-enabled/inspection-node" "$root/etc/nginx/sites-available/inspection-node"
  act rm -f "$root/etc/systemd/system/nginx.service.d/inspection-node.conf"
  if [ -e "$root/etc/mosquitto/mosquitto.conf.before-inspection-node" ]; then
    act mv "$root/etc/mosquitto/mosquitto.conf.before-inspection-node" "$root/etc/mosquitto/mosquitto.conf"
    act rm -f "$root/etc/mosquitto/inspection-acl.conf" "$root/etc/mosquitto/inspection.passwd"
    if live; then act systemctl try-restart mosquitto; fi
  fi
  if live; then act systemctl try-reload-or-restart nginx || true; fi
  act rm -rf "$root$opt"
}

remove_state() { act rm -rf "$root$etc" "$root$state" "$root$backups"; }

installed_version() {
  local now
  now=$(readlink "$root$opt/current") || die "nothing is installed in $root$opt: install.sh first"
  echo "${now#versions/}"
}

# in_version VERSION WORDS: inspection-node of that version, with the settings and keys of this machine
in_version() {
  local version=$1
  shift
  CREDENTIALS_DIRECTORY=$root$etc/credentials CONFIG_PATH=$root$etc/node.toml "$root$opt/versions/$version/bin/inspection-node" "$@"
}

# services start|stop: node and web. Tests, which have no systemd, name a command of their own
services() {
  if [ -n "${DEPLOY_SERVICES-}" ]; then
    "$DEPLOY_SERVICES" "$1"
  else
    systemctl daemon-reload
    systemctl reset-failed "${units_list[@]}" 2>/dev/null || true # what failed before an update says nothing about the next version
    systemctl "$1" "${units_list[@]}"
  fi
}

newest_backup() { find "$root$backups" -name 'inspection-node-*.tar.gz' -printf '%T@ %p\n' | sort -n | tail -1 | cut -d' ' -f2-; }

# change_version OLD NEW WAIT LOOK...: the state brought to the new version, and node and web of it started. It is switched to
# before its stores are touched: if the power fails from then on, the new one starts, which can read them whether they were
# brought to it or not (it does that itself when it opens them); the old one could not.
change_version() {
  local old=$1 new=$2 wait_s=$3 migrating
  shift 3
  { remember "$old" "$new" && units "$new" && switch_to "$new"; } || return 1
  in_version "$new" migrate --wait 30 --while $$ >/dev/null 2>&1 & # loaded before the old one ends: nobody answers meanwhile
  migrating=$!
  services stop
  wait "$migrating" || in_version "$new" migrate >/dev/null || return 1
  services start || return 1
  in_version "$new" healthy --wait "$wait_s" "$@"
}

# back_to VERSION BACKUP WAIT LOOK...: an older version. The state stays, unless the newer one has changed its stores
back_to() {
  local old=$1 saved=$2 wait_s=$3
  shift 3
  services stop || true
  if [ -n "$saved" ] && ! in_version "$old" migrate >/dev/null 2>&1; then
    say "the stores are newer than $old: restoring ${saved#"$root"}"
    in_version "$old" restore "$saved" || return 1
  else
    in_version "$old" migrate >/dev/null || return 1
  fi
  switch_to "$old"
  units "$old"
  services start || return 1
  in_version "$old" healthy --wait "$wait_s" "$@"
}
