"""The web application: where its parts meet."""

import atexit
from importlib import import_module

from flask import Blueprint, Flask

from schemas.settings.load import Loaded
from web import assets, compress, errors, guard, headers, limits, metrics, translations
from web.credentials.keys import keys_of
from web.identity import end_those_of_no_provider
from web.site import NAME, Site

BLUEPRINTS = (  # "module:name", imported when an application is made
    "web.api.application:start",
    "web.api.health:health",
    "web.api.auth:auth",
    "web.api.twofactor:twofactor",
    "web.api.passkeys:passkeys",
    "web.api.oidc:oidc",
    "web.api.users:users",
    "web.api.screens:screens",
    "web.api.audit:audit",
    "web.api.stations:stations",
    "web.api.live_pictures:showing",
    "web.api.lines:lines",
    "web.api.programs:programs",
    "web.api.history:history",
    "web.api.events:events",
    "web.api.settings:configuration",
    "web.api.backups:backups",
    "web.api.openapi:openapi",
    "web.assets:assets",
    "web.pages:pages",
)


def create_app(loaded: Loaded, storage_uri: str = limits.MEMORY) -> Flask:
    """The application over a state folder. Raises Problem SETTINGS_INVALID without a good key in
    production.

    storage_uri: where requests are counted; the memory of one process is exact for that process
    only.
    """
    app = Flask("web", static_folder=None)
    here = Site(loaded, keys_of(loaded.settings))
    app.extensions[NAME] = here
    end_those_of_no_provider(here)
    atexit.register(here.close)
    errors.register(app)
    compress.register(app)
    metrics.register(app)
    headers.register(app)
    guard.register(app)
    limits.register(app, storage_uri)
    for name in BLUEPRINTS:
        module, _, attribute = name.partition(":")
        blueprint = getattr(import_module(module), attribute)
        assert isinstance(blueprint, Blueprint)
        app.register_blueprint(blueprint)
    assets.register(app)
    translations.register(app)
    return app
