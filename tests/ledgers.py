"""The old name of what lives in the rooms now, for scripts that were written before the move."""

import sys

from tests.rooms.promise import ledgers

sys.modules[__name__] = ledgers
