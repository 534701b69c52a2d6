"""Measurements of the drop-ins."""
