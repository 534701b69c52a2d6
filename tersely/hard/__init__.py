"""Text in, shorter text out: one file per method."""
