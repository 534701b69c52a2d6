import pytest

pytest.importorskip("lm_eval")

from fakes import FakeBackend, WordCounter
from harness import CONTEXT, ask, evaluate, writes
from lm_eval.api.instance import Instance

from tersely.errors import PromptError, SettingError
from tersely.integrations.lm_eval import CompressedLM, LocalLM

pytestmark = pytest.mark.usefixtures("quick")


def test_a_continuation_has_the_likelihood_that_the_model_gives_it():
    backend = FakeBackend()
    ((total, _),) = LocalLM(backend).loglikelihood([ask("One two", ending=" three four")])
    (nats,) = backend.score([backend.encode("One two three four").ids], scored_from=[2])
    assert total == pytest.approx(-nats.sum())


def test_an_empty_context_is_the_start_token():
    backend = FakeBackend()
    ((total, _),) = LocalLM(backend).loglikelihood([ask("", ending="three four")])
    assert total == pytest.approx(-backend.score([backend.encode("three four").ids])[0].sum())


def test_what_the_model_would_write_is_greedy_and_nothing_else():
    lm = LocalLM(FakeBackend())
    (answer,) = lm.generate_until([writes(CONTEXT, max_gen_toks=3)])
    endings = (answer, answer[:-1], answer + " zebra", " zebra")
    scores = lm.loglikelihood([ask(CONTEXT, ending=ending) for ending in endings])
    assert [greedy for _, greedy in scores] == [True, True, False, False]


def test_a_context_is_read_once_for_all_endings():
    backend = FakeBackend()
    LocalLM(backend).loglikelihood([ask(CONTEXT, ending=e) for e in (" Green", " Violet", " Red")])
    long = [call for call in backend.calls if len(call[1]) > 40]
    assert len(long) == 1


def test_other_requests_do_not_change_a_score():
    requests = [ask(CONTEXT), ask("What?", ending=" This is a much longer one"), ask("What?")]
    alone = [LocalLM(FakeBackend(window_tokens=64)).loglikelihood([one])[0] for one in requests]
    assert LocalLM(FakeBackend(window_tokens=64)).loglikelihood(requests) == alone


def test_writing_ends_before_a_stop_string_and_at_the_limit():
    lm = LocalLM(FakeBackend())
    (free,) = lm.generate_until([writes(CONTEXT, max_gen_toks=6)])
    (short,) = lm.generate_until(
        [writes(CONTEXT, max_gen_toks=6, until=[free[3:5], free[2:4], ""])]
    )
    assert short == free[: free.index(free[2:4])]
    assert 4 < len(lm.tok_encode(free)) <= 6


def test_answers_come_in_the_order_of_the_requests():
    texts = ("How?", CONTEXT, "Who keeps it?")
    requests = [writes(text, max_gen_toks=4) for text in texts]
    lm = LocalLM(FakeBackend(), batch_size=2)
    alone = [lm.generate_until([one])[0] for one in requests]
    assert lm.generate_until(requests) == alone
    assert len(set(alone)) == 3


def test_a_long_context_loses_its_beginning_and_is_counted():
    lm = LocalLM(FakeBackend(window_tokens=8))
    long, short = lm.loglikelihood([ask("a b c d e f g h i j"), ask("d e f g h i j")])
    assert lm.truncated == 2
    assert long == short


def test_a_rolling_likelihood_is_that_of_the_whole_text():
    backend = FakeBackend(window_tokens=8)
    request = Instance("loglikelihood_rolling", {}, ("a b c d e f",), 0, metadata=("t", 0, 1))
    expected = backend.score([backend.encode("a b c d e f").ids])[0].sum()
    assert LocalLM(backend).loglikelihood_rolling([request]) == [pytest.approx(-expected)]


@pytest.mark.parametrize("manager", ["choices", "written"])
def test_a_run_with_a_model_of_this_package(manager, request):
    settings = {"method": "truncate", "rate": 0.5, "tokenizer": WordCounter()}
    wrapped = CompressedLM(LocalLM(FakeBackend()), **settings)
    results = evaluate(wrapped, request.getfixturevalue(manager))
    assert results["config"]["model_name"] == "fake"
    assert results["results"]["harbour"]["sample_len"] == 2


def test_sampling_is_refused():
    request = writes("a", do_sample=True, temperature=0.7)
    with pytest.raises(SettingError, match="writes greedily"):
        LocalLM(FakeBackend()).generate_until([request])


def test_an_answer_longer_than_the_window_is_refused():
    request = writes("a", max_gen_toks=8)
    with pytest.raises(PromptError, match="8 tokens are to follow, and the window of fake is 8"):
        LocalLM(FakeBackend(window_tokens=8)).generate_until([request])


def test_a_wrong_setting_of_a_local_model_is_refused(backend):
    with pytest.raises(SettingError, match="batch_size is at least 1"):
        LocalLM(FakeBackend(), batch_size=0)
    with pytest.raises(SettingError, match="no setting 'modle'"):
        LocalLM.create_from_arg_string("modle=x")


def test_chats_are_refused_where_there_is_no_template(choices):
    with pytest.raises(NotImplementedError, match="chat templates"):
        evaluate(LocalLM(FakeBackend()), choices, apply_chat_template=True)


@pytest.mark.model
def test_a_real_model_knows_what_it_would_write(smollm2):
    lm = LocalLM(smollm2)
    text = "One, two, three, four,"
    scores = lm.loglikelihood([ask(text, ending=" five"), ask(text, ending=" pier")])
    assert [greedy for _, greedy in scores] == [True, False]
    assert scores[0][0] > scores[1][0]
    assert lm.generate_until([writes(text, until=",", max_gen_toks=4)]) == [" five"]
