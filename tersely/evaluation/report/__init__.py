"""Records -> one report of six tracks, as Markdown, as one HTML page, and as numbers."""
