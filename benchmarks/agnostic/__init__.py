"""What is left of a passage for questions that the compressor has not seen: see each script."""
