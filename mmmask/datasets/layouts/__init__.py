"""Checks of the published data sets' layouts on disk: one file for each family.

Each ``check_...`` takes plain values and a `Scan` (how thorough to be), gives a `Found` (what is
there) and raises `UserError` with the first thing that a run would stumble over. ``TREE`` is what
the folder should look like.
"""

from mmmask.datasets.layouts.scan import QUICK, Found, Scan

__all__ = ['QUICK', 'Found', 'Scan']
