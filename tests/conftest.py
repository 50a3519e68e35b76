"""Settings of every test."""

import os

# Before torch is imported: two processes at default threads slow each other down thirtyfold.
os.environ.setdefault('OMP_NUM_THREADS', '1')
