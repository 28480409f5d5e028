"""What the web is measured against: Flask routes, under Gunicorn, that return given bytes with
nothing around them."""

import json
import os
from pathlib import Path

from flask import Flask, Response


def made() -> Flask:
    """An application with the answers of the JSON file that BARE_ANSWERS names: path to body."""
    app = Flask("bare")
    for path, body in json.loads(Path(os.environ["BARE_ANSWERS"]).read_text()).items():
        app.add_url_rule(path, path, lambda body=body: Response(body, mimetype="application/json"))
    return app


app = made()
