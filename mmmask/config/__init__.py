"""Reads, checks and builds configs."""

import mmmask.compat
