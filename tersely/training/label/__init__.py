"""Labels for a token classifier: how worth keeping each word of a passage is."""
