"""Data sets: the embedded material scenes, image folders, and the checks on users' own data.

Importing this package loads no torch: ``mmmask prepare-demo`` needs none. `mmmask.registration`
registers the data sets and transforms.
"""
