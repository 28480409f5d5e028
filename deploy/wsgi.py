"""The web application for a WSGI server: `gunicorn -c deploy/gunicorn.conf.py deploy.wsgi:app`."""

import logging
import os

from deploy import serving
from web.app import create_app

_loaded = serving.current()
logging.basicConfig(level=_loaded.settings.log_level, format="%(asctime)s %(levelname)s %(threadName)s %(name)s: %(message)s")
app = create_app(_loaded, serving.storage_uri(os.environ))
app.config["EVENT_STREAMS"] = serving.streams(os.environ)
