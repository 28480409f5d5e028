"""The old name of what now lives in the rooms, for scripts that were written before the move."""

import sys

from deploy.demo import state

sys.modules[__name__] = state
