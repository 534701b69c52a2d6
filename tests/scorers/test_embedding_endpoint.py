"""The endpoint, against a server in a thread of this process."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pytest

from tersely.errors import BackendError, SettingError
from tersely.scorers.embedding import EmbeddingScorer
from tersely.scorers.embedding_endpoint import EmbeddingEndpoint

KEY = "sk-secret"


class Server(HTTPServer):
    """Answers with (length, 1) per text, last text first; `planned` answers come before that."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/v1"
        self.requests, self.planned = [], []  # (path, headers, body); (status, body, headers)

    def answer(self, body):
        rows = [{"index": i, "embedding": [len(t), 1]} for i, t in enumerate(body["input"])]
        return {"data": rows[::-1], "usage": {"total_tokens": len(rows)}}


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests.append((self.path, self.headers, body))
        planned = self.server.planned.pop(0) if self.server.planned else (200, None, {})
        status, answer, headers = planned
        answer = self.server.answer(body) if answer is None else answer
        content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(status)
        for name, value in {"Content-Length": len(content), **headers}.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with Server() as made:
        thread = threading.Thread(target=made.serve_forever, args=(0.01,))
        thread.start()
        yield made
        made.shutdown()
        thread.join()


@pytest.fixture
def pauses():
    return []


@pytest.fixture
def endpoint(server, pauses):
    def make(**settings):
        given = {"url": server.url, "model": "m", "api_key": KEY, "sleep": pauses.append}
        return EmbeddingEndpoint(**given | settings)

    return make


def test_texts_are_sent_as_the_protocol_says(server, endpoint):
    endpoint(url=server.url + "/").embed(["a"])
    path, headers, body = server.requests[0]
    assert path == "/v1/embeddings"
    assert body == {"model": "m", "input": ["a"], "encoding_format": "float"}
    assert headers["Authorization"] == f"Bearer {KEY}"
    assert headers["Content-Type"] == "application/json"


def test_vectors_come_in_the_order_of_the_texts_and_have_length_one(endpoint):
    vectors = endpoint().embed(["a", "abc", "ab"])
    np.testing.assert_allclose(vectors[:, 0] / vectors[:, 1], [1, 3, 2])
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1)


def test_many_texts_go_in_batches_and_their_tokens_are_reported(server, endpoint):
    seen = []
    vectors = endpoint(batch_texts=2).embed(list("abcde"), on_tokens=seen.append)
    assert [body["input"] for _, _, body in server.requests] == [["a", "b"], ["c", "d"], ["e"]]
    assert (len(vectors), seen) == (5, [2, 2, 1])


def test_blank_texts_are_not_sent(server, endpoint):
    vectors = endpoint().embed(["", "a", " \n"])
    assert vectors.any(axis=1).tolist() == [False, True, False]
    assert endpoint().embed([""]).shape == (1, 0)
    assert [body["input"] for _, _, body in server.requests] == [["a"]]


def test_a_lone_surrogate_is_sent_as_text(server, endpoint):
    endpoint().embed(["\ud83d x"])
    assert server.requests[0][2]["input"] == ["\ufffd x"]


def test_without_a_key_none_is_sent(server, endpoint):
    endpoint(api_key=None).embed(["a"])
    assert "Authorization" not in server.requests[0][1]


def test_a_scorer_takes_it_for_an_encoder(endpoint):
    scorer = EmbeddingScorer(encoder=endpoint())
    assert scorer.name == "m"
    assert scorer.score("aa", ["bbbb", "cc", ""]).argsort().tolist() == [2, 0, 1]


def test_a_busy_server_is_asked_again_after_longer_and_longer_pauses(server, endpoint, pauses):
    server.planned = [(429, {}, {}), (503, {}, {}), (500, {}, {})]
    assert len(endpoint().embed(["a"])) == 1
    assert pauses == [0.5, 1, 2]


@pytest.mark.parametrize(("asked", "waited"), [("7", 7), ("9999", 30), ("Fri, 1 Jan", 0.5)])
def test_the_pause_is_what_the_server_asks_for_within_reason(
    server, endpoint, pauses, asked, waited
):
    server.planned = [(429, {}, {"Retry-After": asked})]
    endpoint().embed(["a"])
    assert pauses == [waited]


def test_a_server_that_stays_busy_is_given_up(server, endpoint, pauses):
    server.planned = [(503, b"out to lunch", {})] * 3
    with pytest.raises(BackendError, match=r"answered 503 3 times\. It said: out to lunch"):
        endpoint(attempts=3).embed(["a"])
    assert (len(server.requests), len(pauses)) == (3, 2)


@pytest.mark.parametrize(
    ("status", "says"),
    [(401, "answered 401. Check api_key."), (404, "answered 404."), (302, "answered 302.")],
)
def test_a_refusal_is_told_at_once_without_the_key(server, endpoint, pauses, status, says):
    headers = {"Location": server.url + "/elsewhere"}
    server.planned = [(status, f"no use, {KEY}".encode(), headers)]
    with pytest.raises(BackendError) as caught:
        endpoint().embed(["a"])
    assert says in str(caught.value)
    assert "no use" in str(caught.value)
    assert KEY not in str(caught.value)
    assert (len(server.requests), pauses) == (1, [])


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (b"<html>", "did not answer with JSON"),
        ([1], "JSON object"),
        ({"error": "x"}, "one embedding for each of 2 texts"),
        ({"data": [{"index": 0, "embedding": [1]}]}, "missing or wrong: 1"),
        ({"data": [{"index": 0, "embedding": [1]}, {"index": 1, "embedding": None}]}, "table"),
        ({"data": [{"index": 0, "embedding": [1]}, {"index": 1, "embedding": [1, 2]}]}, "table"),
    ],
)
def test_an_answer_of_another_shape_is_refused(server, endpoint, answer, says):
    server.planned = [(200, answer, {})]
    with pytest.raises(BackendError, match=says):
        endpoint().embed(["a", "b"])


def test_an_answer_without_usage_reports_no_tokens(server, endpoint):
    server.planned = [(200, {"data": [{"index": 0, "embedding": [1]}]}, {})]
    seen = []
    endpoint().embed(["a"], on_tokens=seen.append)
    assert seen == []


def test_an_answer_that_breaks_off_is_an_error_of_ours(server, endpoint):
    server.planned = [(200, b"{", {"Content-Length": 99})]
    with pytest.raises(BackendError, match="cannot be reached"):
        endpoint(timeout_seconds=0.5).embed(["a"])


def test_no_server_is_an_error_of_ours(endpoint):
    with pytest.raises(BackendError, match=r"127\.0\.0\.1:1 cannot be reached: .*refused"):
        endpoint(url="http://127.0.0.1:1").embed(["a"])


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"url": "file:///etc"}, "http:// or https://"),
        ({"api_key": "sk\n"}, "api_key"),
        ({"api_key": ""}, "api_key"),
        ({"batch_texts": 0}, "batch_texts is above 0; got 0"),
        ({"attempts": 0}, "attempts is above 0"),
        ({"timeout_seconds": -1}, "timeout_seconds is above 0"),
    ],
)
def test_a_setting_out_of_range_is_refused(endpoint, given, says):
    with pytest.raises(SettingError, match=says):
        endpoint(**given)


def test_the_key_is_not_shown(endpoint):
    assert KEY not in repr(endpoint())
