"""What is left of inputs that are not prose: JSON, tool schemas, logs, what agents' tools say."""
