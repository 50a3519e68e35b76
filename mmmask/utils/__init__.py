"""Serve every other package: errors, files, progress, suggestions."""
