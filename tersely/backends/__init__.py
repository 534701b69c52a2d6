"""Run a model: token ids in, arrays out. Importing this loads no model library."""
