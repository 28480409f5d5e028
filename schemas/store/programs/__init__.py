"""Programs at rest: every version of every program, and the master images and models by their own
hash."""

from schemas.store.programs.differences import Change
from schemas.store.programs.imports import Import, models_of, read_import
from schemas.store.programs.learned import MAX_MASTER_BYTES, MAX_MODEL_BYTES, model_name
from schemas.store.programs.store import Programs
from schemas.store.programs.versions import Head

__all__ = [
    "MAX_MASTER_BYTES",
    "MAX_MODEL_BYTES",
    "Change",
    "Head",
    "Import",
    "Programs",
    "model_name",
    "models_of",
    "read_import",
]
