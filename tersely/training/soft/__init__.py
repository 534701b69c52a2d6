"""Training of soft compressors: one file per training, and what both are made of."""
