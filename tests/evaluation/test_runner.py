"""Runs: what is made, what is not made again, and what a killed one leaves behind."""

from dataclasses import dataclass, field, replace

import pytest

from tersely.errors import Error, SettingError
from tersely.evaluation import runner
from tersely.evaluation.arms import Outcome
from tersely.evaluation.plan import Plan
from tersely.evaluation.readers.base import Reading
from tersely.evaluation.records import read_records
from tersely.evaluation.runner import Shard, run
from tersely.evaluation.task import Example, Task

FACTS = ("Anna lives in Rome.", "Bert lives in Oslo.", "Cleo lives in Bonn.", "Dora paid 12 euros.")


def examples(source):
    for number, who in enumerate(("Anna", "Bert", "Cleo")):
        fact = FACTS[number]
        yield Example(
            id=f"e{number}",
            contexts=FACTS * 3,
            question=f"Where does {who} live?",
            answers=(fact.split()[-1].strip("."),),
            gold=(fact,),
        )


TASK = Task(
    name="made",
    version=3,
    family="question answering",
    data=("facts",),
    read=examples,
    measures=("f1",),
    answer_tokens=4,
    extractive=True,
)


@dataclass
class Finder:
    """A reader that finds the answer if it is there; it notes what it was asked."""

    name: str = "finder"
    models: dict = field(default_factory=dict)
    asked: list = field(default_factory=list)

    def read(self, asks, *, progress=None):
        self.asked += asks
        return [self.reading(ask) for ask in asks]

    def reading(self, ask):
        found = ask.answers[0].strip() in ask.text
        answer = ask.answers[0].strip() if found else "nowhere"
        return Reading(nats=0.5 if found else 3.0, answer=answer, tokens=7)


def shorter(example):
    return replace(example, contexts=example.contexts[:6])


class Guesser:
    """An arm that asks a model, and keeps nothing."""

    def __call__(self, example, limit):
        return Outcome("", "", 0, model="m")

    def fits(self, example):
        return True


@pytest.fixture(autouse=True)
def only_task(monkeypatch, tmp_path):
    monkeypatch.setattr(runner, "load_task", lambda name: TASK)
    (tmp_path / "facts.jsonl").write_text("{}\n", "utf-8")


@pytest.fixture
def plan(tmp_path):
    def build(**changes):
        arms = ("full", "none", "oracle", "bm25", "truncate")
        given = {"tasks": ("made",), "arms": arms, "data": str(tmp_path), "rates": (0.5, 0.25)}
        return Plan(**(given | changes))

    return build


def by_arm(folder):
    found = {}
    for record in read_records(folder):
        found.setdefault(record.arm, []).append(record)
    return found


def test_a_run_makes_every_record_once(plan, tmp_path):
    reader = Finder()
    assert run(plan(), tmp_path / "run", reader=reader) == 3 * (2 + 3 * 2)
    assert len(reader.asked) == 24
    assert run(plan(), tmp_path / "run", reader=reader) == 0
    assert len(reader.asked) == 24


def test_more_arms_are_added_to_a_run(plan, tmp_path):
    run(plan(arms=("full",)), tmp_path / "run", reader=Finder())
    assert run(plan(arms=("full", "none")), tmp_path / "run", reader=Finder()) == 3


def test_a_killed_run_goes_on_and_comes_to_the_same(plan, tmp_path):
    whole, torn = tmp_path / "whole", tmp_path / "torn"
    run(plan(), whole, reader=Finder())
    run(plan(), torn, reader=Finder())
    file = torn / Shard().file
    file.write_bytes(file.read_bytes()[:5000])  # as if killed in the middle of a line
    assert run(plan(), torn, reader=Finder()) > 0
    left, right = ({r.key: (r.sha, r.scores) for r in read_records(f)} for f in (whole, torn))
    assert left == right


def test_an_interrupted_run_keeps_what_it_made(plan, tmp_path):
    def interrupt(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(plan(), tmp_path / "run", reader=Finder(), progress=interrupt)
    assert len(list(read_records(tmp_path / "run"))) == 8
    assert run(plan(), tmp_path / "run", reader=Finder()) == 16


def test_tasks_take_turns_so_that_a_stopped_run_is_even(plan, tmp_path, monkeypatch):
    monkeypatch.setattr(runner, "load_task", lambda name: replace(TASK, name=name))
    run(plan(tasks=("a", "b"), arms=("full",)), tmp_path / "run", reader=Finder())
    assert [r.task for r in read_records(tmp_path / "run")] == ["a", "b"] * 3


def test_a_record_names_the_models_of_its_arm_and_its_reader(plan, tmp_path, monkeypatch):
    monkeypatch.setattr(runner, "model_hashes", lambda name: {name: "1234"} if name else {})
    monkeypatch.setattr(runner, "load_arm", lambda *given, **settings: Guesser())
    run(plan(arms=("truncate",)), tmp_path / "run", reader=Finder(models={"r": "5678"}))
    assert [r.models for r in read_records(tmp_path / "run")] == [{"r": "5678", "m": "1234"}] * 6


def test_what_cannot_be_run_leaves_no_mark(plan, tmp_path):
    for wrong in ({"arms": ("no_such_arm",)}, {"count": 0}, {"data": str(tmp_path / "nowhere")}):
        with pytest.raises(Error):
            run(plan(**wrong), tmp_path / "run", reader=Finder())
    assert not (tmp_path / "run").exists()


def test_a_place_that_is_no_folder_is_refused(plan, tmp_path):
    for place in (tmp_path / "facts.jsonl", tmp_path / "facts.jsonl" / "run"):
        with pytest.raises(SettingError, match="cannot be made a folder"):
            run(plan(), place, reader=Finder())


def test_limits_are_matched_within_a_task(plan, tmp_path, monkeypatch):
    """Two tasks may call different examples the same."""
    short = replace(TASK, name="short", read=lambda source: map(shorter, examples(source)))
    known = {"made": TASK, "short": short}
    monkeypatch.setattr(runner, "load_task", known.__getitem__)
    for arms in (("bm25",), ("bm25", "truncate")):  # the second one finds the first one's records
        run(plan(tasks=("made", "short"), arms=arms, match="bm25"), tmp_path / "run")
    records = list(read_records(tmp_path / "run"))
    used = {(r.task, r.example, r.rate): r.tokens for r in records if r.arm == "bm25"}
    limits = {(r.task, r.example, r.rate): r.limit_tokens for r in records if r.arm == "truncate"}
    assert limits == used


def test_one_of_the_data_sets_is_enough_for_a_task_of_two(plan, tmp_path, monkeypatch):
    both = replace(TASK, data=("facts", "more"))
    monkeypatch.setattr(runner, "load_task", lambda name: both)
    assert run(plan(arms=("full",)), tmp_path / "run", reader=Finder()) == 3
    (tmp_path / "more.jsonl").write_text("{}\n", "utf-8")
    with pytest.raises(SettingError, match="The data set more is not the one"):
        run(plan(arms=("full",)), tmp_path / "run", reader=Finder())


def test_identity_loses_nothing_and_nothing_loses_all(plan, tmp_path):
    run(plan(), tmp_path / "run", reader=Finder())
    arms = by_arm(tmp_path / "run")
    assert {r.score("f1") for r in arms["full"]} == {1.0}
    assert {r.score("survived") for r in arms["full"]} == {1.0}
    assert {r.score("f1") for r in arms["none"]} == {0.0}
    assert {r.score("survived") for r in arms["none"]} == {0.0}
    assert {r.score("survived") for r in arms["oracle"]} == {1.0}


def test_no_arm_gets_more_than_the_limit_and_questions_are_kept(plan, tmp_path):
    run(plan(), tmp_path / "run", reader=(reader := Finder()))
    for record in read_records(tmp_path / "run"):
        assert record.tokens <= record.limit_tokens
    assert all("live?\nAnswer:" in ask.text for ask in reader.asked)


def test_all_arms_can_be_given_the_tokens_that_one_used(plan, tmp_path):
    run(plan(match="oracle"), tmp_path / "run", reader=Finder())
    arms = by_arm(tmp_path / "run")
    used = {(r.example, r.rate): r.tokens for r in arms["oracle"]}
    for arm in ("bm25", "truncate"):
        assert all(r.limit_tokens == used[r.example, r.rate] for r in arms[arm])


def test_a_failure_is_a_record_and_can_be_tried_again(plan, tmp_path, monkeypatch):
    def fail(example, limit):
        raise SettingError("broken")

    with monkeypatch.context() as patch:
        fail.fits = lambda example: True
        patch.setattr(runner, "load_arm", lambda *args, **kwargs: fail)
        run(plan(arms=("truncate",)), tmp_path / "run", reader=Finder())
    assert {r.error for r in read_records(tmp_path / "run")} == {"SettingError: broken"}
    assert run(plan(arms=("truncate",)), tmp_path / "run", reader=Finder()) == 0
    again = plan(arms=("truncate",), retry_failed=True)
    assert run(again, tmp_path / "run", reader=Finder()) == 6
    assert {r.error for r in read_records(tmp_path / "run")} == {""}


def test_shards_share_the_examples_out(plan, tmp_path):
    for index in (0, 1):
        run(plan(), tmp_path / "run", reader=Finder(), shard=Shard(index, 2))
    run(plan(), tmp_path / "whole", reader=Finder())
    both, one = ({r.key for r in read_records(tmp_path / name)} for name in ("run", "whole"))
    assert both == one


def test_a_shard_is_written_by_one_process(plan, tmp_path):
    (tmp_path / "run").mkdir()
    held = runner.FileLock(tmp_path / "run" / f".{Shard().file}.lock")
    with held, pytest.raises(SettingError, match="Another process is writing"):
        run(plan(), tmp_path / "run", reader=Finder())


@pytest.mark.parametrize(("index", "count"), [(-1, 2), (2, 2), (0, 0)])
def test_a_shard_is_one_of_its_count(index, count):
    with pytest.raises(SettingError, match="A shard is"):
        Shard(index, count)


def test_without_a_reader_there_is_survival_only(plan, tmp_path):
    run(plan(), tmp_path / "run")
    assert all(r.scores.keys() == {"survived"} for r in read_records(tmp_path / "run"))
    assert {r.reader for r in read_records(tmp_path / "run")} == {""}


def test_records_say_what_was_kept_and_what_made_them(plan, tmp_path):
    run(plan(), tmp_path / "run", reader=Finder())
    (one,) = [r for r in by_arm(tmp_path / "run")["full"] if r.example == "e0"]
    assert one.kept["numbers"] == 1.0
    assert one.versions["tersely"]
    assert (one.task_version, one.reader_tokens, one.cluster) == (3, 7, "e0")
