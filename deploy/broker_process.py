"""The old place of the demo's broker, for scripts that were written before it moved."""

import sys

from deploy.demo import broker_process

sys.modules[__name__] = broker_process
