"""The web application: where its parts meet."""

import atexit
from importlib import import_module

from flask import Blueprint, Flask

from schemas.load import Loaded
from web import assets, compress, errors, figures, guard, headers, limits, words
from web.keys import keys_of
from web.site import NAME, Site

BLUEPRINTS = (  # "module:name", imported when an application is made
    "web.start:start",
    "web.health:health",
    "web.auth:auth",
    "web.twofactor:twofactor",
    "web.passkeys:passkeys",
    "web.oidc:oidc",
    "web.users:users",
    "web.audit:audit",
    "web.stations:stations",
    "web.showing:showing",
    "web.lines:lines",
    "web.programs:programs",
    "web.history:history",
    "web.events:events",
    "web.configuration:configuration",
    "web.openapi:openapi",
    "web.assets:assets",
    "web.pages:pages",
)


def create_app(loaded: Loaded, storage_uri: str = limits.MEMORY) -> Flask:
    """The application over a state folder. Raises Problem SETTINGS_INVALID without a good key in production.

    storage_uri: where requests are counted; the memory of one process is exact for that process only.
    """
    app = Flask("web", static_folder=None)
    here = Site(loaded, keys_of(loaded.settings))
    app.extensions[NAME] = here
    atexit.register(here.close)
    errors.register(app)
    compress.register(app)
    figures.register(app)
    headers.register(app)
    guard.register(app)
    limits.register(app, storage_uri)
    for name in BLUEPRINTS:
        module, _, attribute = name.partition(":")
        blueprint = getattr(import_module(module), attribute)
        assert isinstance(blueprint, Blueprint)
        app.register_blueprint(blueprint)
    assets.register(app)
    words.register(app)
    return app
