"""Look after the texts that compressors learn from: clean, split, augment, report."""
