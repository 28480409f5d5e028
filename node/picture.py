"""The old place of what lives in the rooms now, for scripts that were written before the move."""

import sys

from node.pictures import decode

sys.modules[__name__] = decode
