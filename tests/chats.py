"""Random chats in three formats, and the slow, obvious count of their tokens.

A text that may not change begins with "keep", one that may with "open".
"""

import json
from random import Random

OPAQUE = {
    "data",
    "url",
    "image_url",
    "file_data",
    "signature",
    "encrypted_content",
    "cache_control",
}
WORDS = [
    "river",
    "bridge",
    "1984",
    "Zürich",
    "not",
    "水の音",
    "the",
    "of",
    "and",
    "naïve",
    "🙂",
    "don't",
    "[x]",
    "“so”",
    "a/b\n\n",
    "-",
    "\t",
]


class Quarters:
    """One token for every four characters or fewer: counts of parts do not add up."""

    name = "quarters"
    exact = True

    def count(self, text):
        return -(-len(text) // 4)


def words(random, tag, most=None):
    most = most or (10 if tag == "keep" else 30)
    return " ".join([tag, *random.choices(WORDS, k=random.randint(0, most))])


def openai_chat(random):
    """Return messages of Chat Completions, and their last user turn's index."""
    out = [{"role": random.choice(["system", "developer"]), "content": words(random, "keep")}]
    turns = random.randint(1, 3)
    for turn in range(turns):
        tag = "keep" if turn == turns - 1 else "open"
        text = {"type": "text", "text": words(random, tag)}
        picture = {"type": "image_url", "image_url": {"url": "data:" + "A" * 300}}
        content = random.choice([text["text"], [text], [text, picture, dict(text)]])
        user = {"content": content, "role": "user", "name": "ann"}
        out.append(user if random.random() < 0.5 else {"role": "user", "content": content})
        for call in range(random.choice([0, 0, 1, 2])):
            name = f"c{turn}.{call}"
            asked = {"name": "find", "arguments": json.dumps({"q": words(random, "keep", 5)})}
            calls = [{"id": name, "type": "function", "function": asked}]
            out.append({"role": "assistant", "content": None, "tool_calls": calls})
            content = words(random, "open", 50)
            out.append({"role": "tool", "tool_call_id": name, "content": content})
        if turn < turns - 1:
            out.append(
                {"role": "assistant", "content": words(random, "open"), "x": {"y": [1, None]}}
            )
    if random.random() < 0.2:
        out.insert(1, {"role": "tool", "tool_call_id": "lost", "content": words(random, "keep")})
    if random.random() < 0.2:
        out.insert(1, {"role": "assistant", "content": None, "refusal": words(random, "keep")})
    return out


def responses(random):
    """Return items of the Responses API."""
    out = [{"type": "message", "role": "developer", "content": words(random, "keep")}]
    turns = random.randint(1, 3)
    for turn in range(turns):
        tag = "keep" if turn == turns - 1 else "open"
        parts = [{"type": "input_text", "text": words(random, tag)}]
        if random.random() < 0.3:
            parts.append({"type": "input_image", "image_url": "data:" + "B" * 400, "detail": "low"})
        out.append({"role": "user", "content": parts})
        out.append({"type": "reasoning", "id": "r", "encrypted_content": "Q" * 500, "summary": []})
        for call in range(random.choice([0, 1, 2])):
            kind, name = random.choice(["function", "custom_tool"]), f"c{turn}.{call}"
            out.append({"type": kind + "_call", "call_id": name, "name": "f", "arguments": "{}"})
            text = words(random, "open", 50)
            output = random.choice([text, [{"type": "input_text", "text": text}]])
            out.append({"type": kind + "_call_output", "call_id": name, "output": output})
        out.append({"type": "item_reference", "id": f"msg_{turn}"})
        if turn < turns - 1:
            cited = random.random() < 0.3
            text = words(random, "keep" if cited else "open")
            part = {
                "type": "output_text",
                "text": text,
                "annotations": [{"start_index": 1}] * cited,
            }
            out.append(
                {"type": "message", "role": "assistant", "content": [part], "status": "done"}
            )
    return out


def anthropic(random):
    """Return messages of Anthropic's format."""
    out = []
    turns = random.randint(1, 3)
    for turn in range(turns):
        tag = "keep" if turn == turns - 1 else "open"
        blocks = [{"type": "text", "text": words(random, tag)}]
        if random.random() < 0.3:
            source = {"type": "base64", "media_type": "image/png", "data": "C" * 300}
            blocks.insert(0, {"type": "image", "source": source})
        out.append({"role": "user", "content": random.choice([blocks, blocks[-1]["text"]])})
        name, text = f"c{turn}", words(random, "open", 50)
        thought = {"type": "thinking", "thinking": words(random, "keep"), "signature": "S" * 300}
        use = {
            "type": "tool_use",
            "id": name,
            "name": "f",
            "input": {"text": words(random, "keep", 9)},
        }
        said = {"type": "text", "text": words(random, "open")}
        out.append({"role": "assistant", "content": [thought, said, use]})
        content = random.choice(
            [text, [{"type": "text", "text": text}, {"type": "tool_reference"}]]
        )
        result = {"type": "tool_result", "tool_use_id": name, "content": content}
        out.append({"role": "user", "content": [result]})
        if turn < turns - 1:
            out.append({"role": "assistant", "content": words(random, "open")})
    return out


MAKERS = {"openai": openai_chat, "responses": responses, "anthropic": anthropic}


def random_chat(seed):
    """Return (format, messages) for a seed."""
    random = Random(seed)
    name = random.choice(sorted(MAKERS))
    return name, MAKERS[name](random)


def slow_count(messages, count):
    """Return the tokens of a request: every text for itself, all else as compact JSON."""
    return 3 + sum(3 + _message(message, count) for message in messages)


def _message(message, count):
    if message.get("type", "message") not in (
        "message",
        "function_call_output",
        "custom_tool_call_output",
    ):
        return count(_json(message))
    total = 0
    for key, value in message.items():
        if key in ("type", "status", "id") and "tool_calls" not in message:
            continue
        if isinstance(value, str):
            total += count(value) + (key == "name")
        elif key in ("content", "output") and isinstance(value, list):
            total += sum(_part(part, count) for part in value)
        elif value is not None:
            total += count(_json(value))
    return total


def _part(part, count):
    if part["type"] == "tool_result":
        content = part["content"]
        inside = [{"type": "text", "text": content}] if isinstance(content, str) else content
        return count(part["tool_use_id"]) + sum(_part(each, count) for each in inside)
    if part["type"] == "tool_use":
        return count(_json({"name": part["name"], "input": part["input"]}))
    return count(part["text"]) if "text" in part else count(_json(part))


def _json(value):
    return json.dumps(_short(value), ensure_ascii=False, separators=(",", ":"))


def _short(value):
    if isinstance(value, dict):
        long = {k for k, v in value.items() if k in OPAQUE and isinstance(v, str) and len(v) > 200}
        return {k: _short(v) for k, v in value.items() if k not in long}
    return [_short(each) for each in value] if isinstance(value, list) else value


def leaves(value, path=()):
    """Yield (path, value) of everything in some JSON that is no object and no list."""
    if isinstance(value, dict):
        yield path, tuple(value)  # the order of its keys
        for key, each in value.items():
            yield from leaves(each, (*path, key))
    elif isinstance(value, list):
        yield path, len(value)
        for at, each in enumerate(value):
            yield from leaves(each, (*path, at))
    else:
        yield path, value
