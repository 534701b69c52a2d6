"""Who reads what is left of a prompt and answers: a model on this machine, or an endpoint."""
