"""The harness's own command, which knows these models: `python -m tersely.integrations.lm_eval`."""

from lm_eval.__main__ import cli_evaluate

import tersely.integrations.lm_eval  # noqa: F401 - registers

if __name__ == "__main__":
    cli_evaluate()
