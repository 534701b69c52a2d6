"""What is not prose: JSON, code, logs, markup. One handler per kind says what may go."""
