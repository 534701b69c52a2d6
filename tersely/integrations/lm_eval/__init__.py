"""lm-evaluation-harness: any of its tasks with compressed prompts, any of its models behind.

Importing this registers two of its models: "tersely" compresses what it is given and passes it
on to another model, and "tersely-local" is a model of this package.

Code:     https://github.com/EleutherAI/lm-evaluation-harness/tree/v0.4.13
Cost:     each context is compressed once, however many continuations are asked for.
"""

from tersely._optional import need

need("lm_eval", extra="lm-eval")  # says which extra, before the classes need it
need("lm_eval.models", extra="lm-eval")  # the harness registers its own only where none is there

from tersely.integrations.lm_eval.compressed import CompressedLM, Savings  # noqa: E402
from tersely.integrations.lm_eval.local import LocalLM  # noqa: E402

__all__ = ["CompressedLM", "LocalLM", "Savings"]
