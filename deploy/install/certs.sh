#!/usr/bin/env bash
# The plant's own certificate authority, and certificates for the broker, the node, the web and whoever speaks MQTT over TLS.
#
#   certs.sh [--dir DIR] ca [NAME]              make the authority (10 years); keep ca.key off the line's machines if you can
#   certs.sh [--dir DIR] server NAME HOST...    for a broker or a web: HOST are the names and addresses by which it is reached
#   certs.sh [--dir DIR] client NAME            for a node, a PLC or a viewer: NAME is its user name at the broker
#   certs.sh [--dir DIR] renew NAME             a new certificate on a new key, for the same names; the old pair stays as NAME.*.old
#   certs.sh [--dir DIR] list                   what there is and for how many days; ends with 1 if one has less than 30
#
# Files: DIR/ca.{crt,key}, DIR/NAME.{crt,key}. Keys are readable by their owner only. Nothing that exists is overwritten but by renew.
# EC P-256 with SHA-256; servers and clients get 397 days, what browsers take at most (398), so renew once a year.
set -euo pipefail
umask 077
dir=/etc/inspection-node/pki
ca_days=3650 days=397 warn_days=30

die() { echo "certs.sh: $*" >&2; exit 1; }
usage() { sed -n '2,12p' "$0" | sed 's/^# \{0,1\}//' >&2; exit 64; }
name_ok() { [[ $1 =~ ^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$ ]] && [[ $1 != ca ]] || die "'$1' is no name: letters, digits, . _ -, and not ca"; }
new_key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1" 2>/dev/null; }

make_ca() {
  [ ! -e "$dir/ca.crt" ] || die "$dir/ca.crt exists; a new authority would make every certificate worthless"
  new_key "$dir/ca.key"
  openssl req -x509 -new -sha256 -key "$dir/ca.key" -days "$ca_days" -subj "/CN=${1:-Inspection plant CA}" -out "$dir/ca.crt" \
    -addext 'basicConstraints=critical,CA:true,pathlen:0' -addext 'keyUsage=critical,keyCertSign,cRLSign'
  chmod 644 "$dir/ca.crt"
}

# sign NAME USE SAN: a new pair NAME.{crt,key}, put in place by two renames when all of it is there
sign() (
  name=$1 use=$2 san=$3
  [ -e "$dir/ca.crt" ] && [ -e "$dir/ca.key" ] || die "there is no authority in $dir; make one with: certs.sh ca"
  work=$(mktemp -d "$dir/.new.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  new_key "$work/key"
  openssl req -new -sha256 -key "$work/key" -subj "/CN=$name" -out "$work/csr"
  {
    echo 'basicConstraints=critical,CA:false'
    echo 'keyUsage=critical,digitalSignature'
    echo "extendedKeyUsage=$use"
    [ -z "$san" ] || echo "subjectAltName=$san"
  } >"$work/extensions"
  openssl x509 -req -sha256 -in "$work/csr" -CA "$dir/ca.crt" -CAkey "$dir/ca.key" -days "$days" -set_serial "0x$(openssl rand -hex 16)" \
    -extfile "$work/extensions" -out "$work/crt" 2>/dev/null
  openssl verify -CAfile "$dir/ca.crt" "$work/crt" >/dev/null
  mv "$work/key" "$dir/$name.key"
  chmod 644 "$work/crt"
  mv "$work/crt" "$dir/$name.crt"
)

fresh() { [ ! -e "$dir/$1.crt" ] || die "$dir/$1.crt exists; a newer one: certs.sh renew $1"; }

make_server() {
  local name=$1 san='' host
  shift
  [ $# -gt 0 ] || die "by which names and addresses is $name reached?"
  fresh "$name"
  for host in "$@"; do
    [[ $host =~ ^[A-Za-z0-9.:*-]{1,253}$ ]] || die "'$host' is no name or address of a machine"
    if [[ $host =~ ^[0-9.]+$ || $host == *:* ]]; then san+=",IP:$host"; else san+=",DNS:$host"; fi
  done
  sign "$name" serverAuth "${san#,}"
}

renew() {
  local name=$1 use=clientAuth san
  [ -e "$dir/$name.crt" ] || die "there is no $dir/$name.crt"
  openssl x509 -in "$dir/$name.crt" -noout -ext extendedKeyUsage 2>/dev/null | grep -q 'Web Server' && use=serverAuth
  san=$(openssl x509 -in "$dir/$name.crt" -noout -ext subjectAltName 2>/dev/null | sed -n '2s/ //gp' | sed 's/IPAddress:/IP:/g')
  cp -p "$dir/$name.crt" "$dir/$name.crt.old"
  cp -p "$dir/$name.key" "$dir/$name.key.old"
  sign "$name" "$use" "$san"
}

list() {
  local short=0 crt end left
  for crt in "$dir"/*.crt; do
    [ -e "$crt" ] || die "there is no certificate in $dir"
    end=$(date -d "$(openssl x509 -in "$crt" -noout -enddate | cut -d= -f2)" +%s)
    left=$(((end - $(date +%s)) / 86400))
    printf '%-24s %5d days  %s\n' "$(basename "$crt" .crt)" "$left" "$(date -u -d "@$end" +%F)"
    [ "$left" -ge "$warn_days" ] || short=1
  done
  [ "$short" = 0 ] || { echo "certs.sh: less than $warn_days days are left: certs.sh renew NAME" >&2; return 1; }
}

[ "${1-}" != --dir ] || { dir=${2:?--dir needs a folder}; shift 2; }
command -v openssl >/dev/null || die "openssl is not installed"
case ${1-} in ca | server | client | renew) mkdir -p -m 700 "$dir" ;; esac
case ${1-} in
  ca) make_ca "${2-}" ;;
  server) [ $# -ge 2 ] || usage; name_ok "$2"; make_server "${@:2}" ;;
  client) [ $# -eq 2 ] || usage; name_ok "$2"; fresh "$2"; sign "$2" clientAuth "" ;;
  renew) [ $# -eq 2 ] || usage; name_ok "$2"; renew "$2" ;;
  list) list ;;
  *) usage ;;
esac
