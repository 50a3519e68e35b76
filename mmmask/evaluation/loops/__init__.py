"""The test loops of frozen features, and the training loop of a sweep of probes."""
