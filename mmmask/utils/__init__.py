"""What every other package may use: errors, files, progress, suggestions."""
