"""Programs: read, edit, versions, bundles, master image, and trying before saving.

An edit says which version it changes (`If-Match`, the ETag of what was read) and is refused if that
is not the newest any more. Before a program is stored the node loads it and learns from its master;
while the node is away only its shape is checked, and the answer says so.
"""

from web.api.programs import bundles, editing, masters, stored, trials
from web.api.programs.base import programs

__all__ = ["bundles", "editing", "masters", "programs", "stored", "trials"]
