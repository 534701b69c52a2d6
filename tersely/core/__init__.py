"""Plain data and pure functions: prompt, span, unit, budget, result. No model, no I/O."""
