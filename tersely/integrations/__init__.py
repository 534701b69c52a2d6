"""Other people's frameworks: what each needs to use compressed prompts, one thin part each."""
