"""An agent's request, shortened: only the tool's result is, and it is still JSON.

python examples/chat.py
"""

import json
from pathlib import Path

import tersely

request = json.loads(Path(__file__).with_name("agent_request.json").read_text("utf-8"))
result = tersely.compress(request["messages"], tokens=500)
for before, after in zip(request["messages"], result.messages, strict=True):
    told = "as it was" if after == before else f"{len(before['content'])} characters less"
    print(f"{after['role']:9} {told}")
orders = json.loads(result.messages[3]["content"])
print(f"the tool's result is still a list, of {len(orders) - 1} orders and {orders[-1]!r}")
print(f"{result.tokens_before} tokens before, {result.tokens_after} after; limit 500")
