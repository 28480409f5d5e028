"""The web application for a WSGI server: `gunicorn -c deploy/serve/gunicorn.conf.py
deploy.serve.wsgi:app`."""

import os

from deploy.serve import serving
from schemas import logs
from web.app import create_app

_loaded = serving.current()
logs.begin(_loaded.settings, "web")
app = create_app(_loaded, serving.storage_uri(os.environ))
app.config["EVENT_STREAMS"] = serving.streams(os.environ)
