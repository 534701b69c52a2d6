"""Make what the methods need: each file is one training and reads from top to bottom."""
