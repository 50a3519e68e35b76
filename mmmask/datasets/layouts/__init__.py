"""Checks of the published data sets' layouts on disk: one file for each family.

Each ``check_...`` takes plain values and a `Scan`, which says how thorough to be. It returns a
`Found` with the content, or raises `UserError` for the first fault that a run would meet. ``TREE``
shows the folder as it should be.
"""

from mmmask.datasets.layouts.scan import QUICK, Found, Scan

__all__ = ['QUICK', 'Found', 'Scan']
