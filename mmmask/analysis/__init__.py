"""Measure scores and masks against objects: the choice of a head (GPA), the coverage of masks."""
