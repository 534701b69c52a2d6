"""Measure what compression keeps: tasks, readers, records, the attainable bound, and reports."""
