#!/usr/bin/env bash
# Starts the web for production, without systemd (with it: deploy/install/install.sh). Settings as ever: CONFIG_PATH, or ./node.toml.
#   start_production.sh [--workers N] [--bind ADDRESS:PORT] [--log-level LEVEL] [--daemon [--folder DIR]]
#   --workers N      processes (default 1; more need RATELIMIT_STORAGE_URI, and the start says so)
#   --bind A:P       instead of web.bind (PORT of a platform comes before it)
#   --log-level L    debug, info, warning or error, instead of log_level
#   --daemon         in the background: returns 0 once the web answers, 1 with its last lines if it does not
#   --folder DIR     of a daemon: its process id (web.pid) and, unless logs.folder is set, its logs (default ./run)
set -euo pipefail

usage() { sed -n '2,8s/^# \{0,1\}//p' "$0" >&2; exit 64; }
daemon=no folder=run
while [ $# -gt 0 ]; do
  case $1 in
    --workers | --bind | --log-level | --folder) [ $# -ge 2 ] || usage ;;&
    --workers) export GUNICORN_WORKERS=$2; shift 2 ;;
    --bind) export GUNICORN_BIND=$2; shift 2 ;;
    --log-level) export INSPECTION_LOG_LEVEL=${2^^}; shift 2 ;;
    --folder) folder=$2; shift 2 ;;
    --daemon) daemon=yes; shift ;;
    *) usage ;;
  esac
done
here=$(cd "$(dirname "$0")/../.." && pwd)
python=python3
for each in "$here/.venv/bin/python" /opt/inspection-node/current/bin/python; do
  if [ -x "$each" ]; then python=$each; break; fi
done
export INSPECTION_ENVIRONMENT=${INSPECTION_ENVIRONMENT-production} PYTHONPATH=$here${PYTHONPATH:+:$PYTHONPATH}
if [ "$daemon" = no ]; then exec "$python" -m deploy.serve.start; fi

mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
if [ -e "$folder/web.pid" ] && kill -0 "$(cat "$folder/web.pid")" 2>/dev/null; then
  echo "it runs already, as process $(cat "$folder/web.pid")" >&2
  exit 1
fi
setsid "$python" -m deploy.serve.start >"$folder/web.out" 2>&1 </dev/null &
echo $! >"$folder/web.pid"
for _ in $(seq 300); do # a minute
  kill -0 "$(cat "$folder/web.pid")" 2>/dev/null || break
  if "$python" -m deploy.serve.start --answers; then
    echo "the web answers; process $(cat "$folder/web.pid"), output in $folder/web.out. To end it: kill $(cat "$folder/web.pid")"
    exit 0
  fi
  sleep 0.2
done
echo "the web does not answer; its last lines:" >&2
tail -20 "$folder/web.out" >&2
kill "$(cat "$folder/web.pid")" 2>/dev/null || true
rm -f "$folder/web.pid"
exit 1
