"""Pictures of a pre-trained network: ``tools/visualize.py``."""
