"""The old name of what lives in the rooms now, for scripts that were written before the move."""

import sys

from deploy.demo import broker_process

sys.modules[__name__] = broker_process
