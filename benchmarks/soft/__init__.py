"""What memories of a text are worth, at equal numbers of slots: see each script."""
