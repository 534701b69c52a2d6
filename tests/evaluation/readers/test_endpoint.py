"""The endpoint as a reader, against a server in a thread of this process."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tersely.errors import BackendError, SettingError
from tersely.evaluation.readers.base import Ask
from tersely.evaluation.readers.endpoint import EndpointReader, Limits

KEY = "sk-secret"


class Server(ThreadingHTTPServer):
    """Says "Rome" in a chat and " Rome\\n\\nQ:" otherwise; a letter of an answer costs 0.5 nats."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/v1"
        self.requests, self.planned = [], []  # (path, headers, body); (status, answer, headers)
        self.seconds, self.busy, self.busiest = 0.0, 0, 0
        self.mutex = threading.Lock()

    def answer(self, path, body):
        usage = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
        if path.endswith("/chat/completions"):
            choice = {"message": {"role": "assistant", "content": "\nRome\n\nIt is. "}}
        elif body.get("echo"):
            text = body["prompt"] + "!"
            choice = {
                "text": text,
                "logprobs": {
                    "tokens": list(text),
                    "token_logprobs": [None, *(-0.1 * ord(c) for c in text[1:])],
                    "text_offset": list(range(len(text))),
                },
            }
        else:
            choice = {"text": " Rome\n\nQ: more"}
        return {"choices": [choice], "usage": usage}


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.mutex:
            self.server.requests.append((self.path, self.headers, body))
            planned = self.server.planned.pop(0) if self.server.planned else (200, None, {})
            self.server.busy += 1
            self.server.busiest = max(self.server.busiest, self.server.busy)
        time.sleep(self.server.seconds if planned[0] != "late" else 0.5)
        with self.server.mutex:
            self.server.busy -= 1
        status, answer, headers = planned
        answer = self.server.answer(self.path, body) if answer is None else answer
        content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        try:
            self.send_response(200 if status == "late" else status)
            for name, value in {"Content-Length": len(content), **headers}.items():
                self.send_header(name, str(value))
            self.end_headers()
            self.wfile.write(content)
        except OSError:  # it did not wait
            pass

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
def endpoint(server, pauses, tmp_path):
    def make(*, url=None, limits=None, **settings):
        made = Limits(**{"attempts": 3, "sleep": pauses.append} | (limits or {}))
        given = {"cache": tmp_path / "answers", "limits": made}
        return EndpointReader(url or server.url, "m", **given | settings)

    return make


ASK = Ask(text="Capital of Italy?", answer_tokens=8)
SCORED = Ask(text="Q:", answers=(" a", " b"), options=(" z", " y"))


def read(reader, ask=ASK):
    return reader.read([ask])[0]


def test_a_text_is_sent_as_a_users_turn(server, endpoint, monkeypatch):
    monkeypatch.setenv("MY_KEY", KEY)
    reading = read(endpoint(key_from="MY_KEY"))
    path, headers, body = server.requests[0]
    assert path == "/v1/chat/completions"
    assert headers["Authorization"] == f"Bearer {KEY}"
    assert body["messages"] == [{"role": "user", "content": "Capital of Italy?"}]
    assert (body["model"], body["max_tokens"], body["temperature"]) == ("m", 8, 0)
    assert (reading.answer, reading.tokens, reading.nats) == ("Rome\n\nIt is.", 10, None)


def test_in_the_other_form_the_text_is_gone_on_with_up_to_a_stop(server, endpoint):
    reader = endpoint(form="completions")
    assert read(reader).answer == "Rome"
    path, headers, body = server.requests[0]
    assert (path, body["prompt"]) == ("/v1/completions", "Capital of Italy?")
    assert "Authorization" not in headers
    assert (reader.name, endpoint().name, reader.models) == ("m", "m:chat", {})


def test_fields_are_added_replaced_and_left_out(server, endpoint):
    read(endpoint(fields={"max_tokens": None, "max_completion_tokens": 99, "temperature": 1}))
    body = server.requests[0][2]
    assert "max_tokens" not in body
    assert (body["max_completion_tokens"], body["temperature"]) == (99, 1)


def test_likelihoods_are_means_over_the_echoed_answer(server, endpoint):
    reading = read(endpoint(form="completions"), SCORED)
    assert reading.nats == pytest.approx(0.1 * (ord(" ") + ord("a")) / 2)
    assert reading.option == " y"
    assert reading.tokens == 40
    assert [body["prompt"] for _, _, body in server.requests] == ["Q: a", "Q: b", "Q: z", "Q: y"]


def test_a_server_that_does_not_score_is_asked_once_and_still_writes(server, endpoint):
    server.planned = [(400, {"error": "echo is not supported"}, {})]
    ask = Ask(text="Q:", answers=(" a", " b"), answer_tokens=4)
    first, second = endpoint(form="completions", limits={"concurrent": 1}).read(
        [ask, Ask(text="R:", answers=(" a",), answer_tokens=4)]
    )
    assert (first.nats, first.answer, first.error) == (None, "Rome", "")
    assert (second.nats, second.answer) == (None, "Rome")
    assert len(server.requests) == 3


@pytest.mark.parametrize("logprobs", [None, {}, {"text_offset": [0], "token_logprobs": []}])
def test_a_server_that_leaves_likelihoods_out_gives_none(server, endpoint, logprobs):
    server.planned = [(200, {"choices": [{"text": "", "logprobs": logprobs}]}, {})] * 4
    reading = read(endpoint(form="completions"), SCORED)
    assert (reading.nats, reading.option, reading.error) == (None, None, "")


def test_a_busy_server_is_asked_again_when_it_says(server, endpoint, pauses):
    server.planned = [(429, {}, {"Retry-After": "7"}), (500, {}, {})]
    assert read(endpoint()).answer == "Rome\n\nIt is."
    assert pauses == [7, 1]


@pytest.mark.parametrize("answer", [b"{", b"<html>", [1]])
def test_what_is_no_json_is_asked_for_again(server, endpoint, answer):
    server.planned = [(200, answer, {})]
    assert read(endpoint()).error == ""
    assert len(server.requests) == 2


def test_a_server_that_takes_too_long_is_asked_again(server, endpoint):
    server.planned = [("late", None, {})]
    assert read(endpoint(limits={"timeout_seconds": 0.1})).error == ""
    assert len(server.requests) == 2


def test_a_server_that_stays_broken_is_an_error_in_the_reading(server, endpoint, tmp_path):
    server.planned = [(500, b"out to lunch", {})] * 3
    reading = read(endpoint())
    assert reading.error.startswith("BackendError: ")
    assert "answered 500 3 times. It said: out to lunch" in reading.error
    assert reading.answer is None
    assert read(endpoint()).error == ""  # an error is not kept


@pytest.mark.parametrize("answer", [{}, {"choices": []}, {"choices": [{"message": None}]}])
def test_an_answer_of_another_shape_is_an_error_and_is_not_kept(server, endpoint, answer):
    server.planned = [(200, answer, {})]
    assert "did not answer as the protocol says" in read(endpoint()).error
    assert read(endpoint()).error == ""


def test_a_refused_key_ends_all_at_once_and_is_not_shown(server, endpoint, monkeypatch, pauses):
    monkeypatch.setenv("MY_KEY", KEY)
    server.planned = [(401, f"bad key {KEY}".encode(), {})]
    with pytest.raises(BackendError, match=r"Check the variable MY_KEY\. It said: bad key \.{3}"):
        read(endpoint(key_from="MY_KEY"))
    assert (len(server.requests), pauses) == (1, [])


@pytest.mark.parametrize("content", [["a", "b"], 42, {"text": "a"}])
def test_an_answer_that_is_no_text_is_no_answer(server, endpoint, content):
    body = json.dumps({"choices": [{"message": {"content": content}}]}).encode()
    server.planned = [(200, body, {})]
    assert "wrote no text" in read(endpoint()).error


def test_no_server_is_an_error_in_the_reading(endpoint):
    assert "cannot be reached" in read(endpoint(url="http://127.0.0.1:1")).error


def test_what_was_answered_before_is_not_asked_again(server, endpoint):
    first = endpoint(form="completions")
    both = first.read([ASK, SCORED])
    sent = len(server.requests)
    again = endpoint(form="completions").read([ASK, SCORED])
    assert again == both
    assert (len(server.requests), sent) == (sent, 5)


def test_another_question_model_or_length_is_another_request(server, endpoint):
    read(endpoint())
    read(endpoint(), Ask(text="Capital of France?", answer_tokens=8))
    read(endpoint(), Ask(text=ASK.text, answer_tokens=9))
    read(endpoint(fields={"seed": 1}))
    read(endpoint(form="completions"))
    assert len(server.requests) == 5


def test_the_key_is_in_no_file(endpoint, tmp_path, monkeypatch):
    monkeypatch.setenv("MY_KEY", KEY)
    read(endpoint(key_from="MY_KEY"))
    texts = [path.read_text() for path in tmp_path.rglob("*") if path.is_file()]
    assert any(texts)
    assert KEY not in "".join(texts)


def test_without_a_cache_everything_is_asked_again(server, endpoint):
    for _ in range(2):
        read(endpoint(cache=None))
    assert len(server.requests) == 2


def test_equal_asks_are_sent_once_and_progress_counts_them_all(server, endpoint):
    counts = []
    readings = endpoint().read([ASK, ASK, Ask(text="x", answer_tokens=1)], progress=counts.append)
    assert len(server.requests) == 2
    assert (readings[0], sorted(counts)) == (readings[1], [1, 2])
    assert endpoint().read([]) == []


def test_readings_come_in_order_and_no_more_are_asked_at_once_than_allowed(server, endpoint):
    server.seconds = 0.02
    asks = [Ask(text=str(n), answers=(f" {n}",)) for n in range(9)]
    reader = endpoint(form="completions", limits={"concurrent": 3})
    nats = [reading.nats for reading in reader.read(asks)]
    assert nats == pytest.approx([0.1 * (ord(" ") + ord(str(n))) / 2 for n in range(9)])
    assert server.busiest == 3


def test_requests_are_kept_apart(endpoint, pauses):
    limits = {"requests_per_minute": 30, "concurrent": 1}
    endpoint(limits=limits).read([Ask(text=str(n), answer_tokens=1) for n in range(3)])
    assert len(pauses) == 2
    assert 1 < pauses[0] <= 2 < pauses[1] <= 4  # the clock goes on, `sleep` only notes


def test_a_lone_surrogate_is_sent_as_text(server, endpoint):
    read(endpoint(), Ask(text="\ud83d x", answer_tokens=1))
    assert server.requests[0][2]["messages"][0]["content"] == "\ufffd x"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"url": "file:///etc"}, "http:// or https://"),
        ({"form": "poem"}, "'chat' or 'completions'"),
        ({"limits": {"attempts": 0}}, "attempts is above 0"),
        ({"limits": {"concurrent": 0}}, "concurrent is above 0"),
        ({"limits": {"timeout_seconds": -1}}, "timeout_seconds is above 0"),
        ({"limits": {"requests_per_minute": 0}}, "requests_per_minute is above 0"),
    ],
)
def test_a_setting_out_of_range_is_refused(endpoint, given, says):
    with pytest.raises(SettingError, match=says):
        endpoint(**given)


def test_a_key_that_is_none_is_refused(endpoint, monkeypatch):
    monkeypatch.setenv("MY_KEY", "sk bad")
    with pytest.raises(SettingError, match="the variable MY_KEY is empty, or has a blank"):
        endpoint(key_from="MY_KEY")
