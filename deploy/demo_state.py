"""The old name of what lives in the rooms now, for scripts that were written before the move."""

import sys

from deploy.demo import state

sys.modules[__name__] = state
