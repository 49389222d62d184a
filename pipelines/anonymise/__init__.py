"""Anonymisation: one technique per module, chosen per category.

No technique keeps a key or a map, and none computes a replacement from the original that a list of candidates could
be tested against: replacements are drawn at random for every row and run. A generalisation keeps the coarse value
and says so. What the techniques achieve together (k, linkability) is measured elsewhere, never assumed.
"""

from __future__ import annotations
