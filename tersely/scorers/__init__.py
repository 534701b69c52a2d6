"""What each token or unit of a text is worth."""
