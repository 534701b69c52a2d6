"""The plain functions that the benchmark of memories rests on, with a model made up."""

import json
from argparse import Namespace

import numpy as np
import pytest
import torch
from evicting import TEXT, tiny_host

from benchmarks.soft import picture, report
from benchmarks.soft.arms import FITTED, FULL, NONE, PRODUCERS, Arm, arms_of
from benchmarks.soft.passages import Passage, counts_of, read_passages, remembered_passages
from benchmarks.soft.reading import memories_of, nats_behind, past_of
from benchmarks.soft.records import Bench, all_work, file_of, records_of, run
from tersely.evaluation.source import Source
from tersely.soft.fitted import Fitted

PASSAGES = [Passage("set", name, (*TEXT, *name.encode())) for name in ("river", "stone")]


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    return tiny_host(tmp_path_factory.mktemp("soft"))


@pytest.fixture
def options(tmp_path, monkeypatch):
    monkeypatch.setattr("benchmarks.soft.reading.FIT", Fitted(steps=1))
    return Namespace(
        out=tmp_path, context=len(TEXT), scored=4, times=[4, 8], bare=1, fitted=1,
        fitted_times=[8], dtype="float32", threads=1, write=False,
    )  # fmt: skip


def slow_nats(host, ids, kept, prefix):
    """Read a whole text at once; only tokens at `kept` places of the source can be seen later."""
    source = len(ids) - 5
    whole = [*prefix, *ids[:-1]]
    places = torch.arange(len(whole))
    seen = places[None] <= places[:, None]
    early = len(prefix) + source
    hidden = [len(prefix) + at for at in range(source) if at not in kept]
    seen[early:, hidden] = False
    rows = host.forward([whole], positions=places, visible=seen[None]).hidden[0]
    return float(host.nats(rows[early:], torch.tensor(ids[-4:])).mean())


@pytest.mark.parametrize("bare", [False, True])
def test_all_arms_in_one_batch_are_what_each_is_alone(host, bare):
    ids = list(PASSAGES[0].ids)
    arms = [arm for arm in arms_of(len(TEXT), [4, 8], bare=bare) if not arm.needs_queries]
    arms = [arm for arm in arms if arm.name not in (NONE, "kvzip")]
    made = memories_of(host, TEXT, arms, bare=bare)
    past = past_of(host, [made[arm][0] for arm in arms], len(TEXT), bare=bare)
    found = nats_behind(host, past, ids[len(TEXT) :])
    for arm, nats in zip(arms, found, strict=True):
        kept = made[arm][0].positions.tolist()
        wanted = slow_nats(host, ids, kept, () if bare else host.prefix)
        assert nats == pytest.approx(wanted, abs=1e-4)


@pytest.mark.parametrize("bare", [False, True])
def test_none_is_the_text_that_goes_on_alone(host, bare):
    rest = list(PASSAGES[0].ids)[len(TEXT) :]
    found = nats_behind(host, past_of(host, [None], len(TEXT), bare=bare), rest)
    before = () if bare else host.prefix
    ids = torch.tensor([[*before, *rest]])
    nats = torch.nn.functional.cross_entropy(host.model(ids).logits[0, -5:-1], ids[0, -4:])
    assert found[0] == pytest.approx(float(nats), abs=1e-4)


def test_full_is_the_text_as_the_model_reads_it(host):
    record = Bench(host, context=len(TEXT), scored=4).records(PASSAGES[0], [Arm(FULL, len(TEXT))])
    ids = torch.tensor([[*host.prefix, *PASSAGES[0].ids]])
    nats = torch.nn.functional.cross_entropy(host.model(ids).logits[0, -5:-1], ids[0, -4:])
    assert record[0]["nats"] == pytest.approx(float(nats), abs=1e-4)


def test_every_arm_has_the_same_slots(host):
    arms = arms_of(len(TEXT), [4, 8], bare=False)
    records = Bench(host, context=len(TEXT), scored=4).records(PASSAGES[0], arms)
    assert {r["arm"] for r in records} == {FULL, NONE, *PRODUCERS}
    sizes = {r["slots"] for r in records if r["arm"] in PRODUCERS}
    assert sizes == {len(TEXT) // 4, len(TEXT) // 8}


def test_what_is_done_is_not_done_again(host, options):
    run(PASSAGES[:1], host, options)
    before = file_of(options).read_text("utf-8")
    file_of(options).write_text(before + '{"set": "torn', "utf-8")
    run(PASSAGES, host, options)
    after = file_of(options).read_text("utf-8")
    assert after.startswith(before)
    lines = [json.loads(line) for line in after.splitlines()[before.count("\n") :]]
    assert {line["passage"] for line in lines} == {"stone"}


def test_another_text_of_the_same_name_is_done_again(host, options):
    run(PASSAGES[:1], host, options)
    changed = [Passage("set", "river", (*TEXT[:-1], 7, *b"river"))]
    model = host.fingerprint.model
    assert records_of(changed, model, options) == []
    run(changed, host, options)
    assert {r["of"] for r in records_of(changed, model, options)} == {changed[0].of}


def test_arms_without_a_prefix_and_fitted_ones_have_fewer_texts(options):
    work = all_work(PASSAGES, options)
    assert [any(arm.bare for arm in arms) for _, arms in work] == [True, False, False]
    assert work[-1] == (PASSAGES[0], [Arm(FITTED, len(TEXT) // 8)])


def test_the_page_has_every_table(host, options, capsys):
    run(PASSAGES, host, options)
    records = records_of(PASSAGES, host.fingerprint.model, options)
    report.publish(records, options)
    page = capsys.readouterr().out
    for heading in ("With the prefix", "sink effect (1 texts)", "gradient steps", "Costs"):
        assert heading in page
    assert all(f"| {name} | " in page for name in (FULL, NONE, *PRODUCERS, FITTED))
    assert len(report.numbers(records, options)) > 40


def test_regained_is_the_share_of_what_the_text_gains():
    texts = [("set", str(n)) for n in range(3)]
    full, none = dict.fromkeys(texts, 2.0), dict.fromkeys(texts, 4.0)
    mine = dict(zip(texts, (3.0, 2.5, 3.5), strict=True))
    assert report.regained(mine, none, full).value == pytest.approx(0.5)
    assert report.regained(full, none, full).value == 1


def test_differences_are_of_texts_that_both_have():
    one, two = {("s", "a"): 1.0, ("s", "b"): 2.0}, {("s", "b"): 5.0, ("s", "c"): 6.0}
    assert report.paired(one, two) == [[2.0], [5.0]]


def test_passages_are_remembered_while_the_data_stays_the_same(host, tmp_path, monkeypatch):
    row = {"id": "arxiv-1", "title": "", "text": "word " * 300, "date": "2025"}
    data = tmp_path / "arxiv_abstracts.jsonl"
    data.write_text(json.dumps(row) + "\n")
    (tmp_path / "sci_fulltext.jsonl").write_text("")
    args = (tmp_path / "made" / "passages.json", Source(str(tmp_path)), host.tokenizer)
    first = remembered_passages(*args, count=2, tokens=9)
    with monkeypatch.context() as patch:
        patch.setattr("benchmarks.soft.passages.read_passages", None)
        assert remembered_passages(*args, count=2, tokens=9) == first
    data.write_text(json.dumps(row | {"text": "other " * 300}) + "\n")
    assert remembered_passages(*args, count=2, tokens=9) != first


def test_abstracts_that_are_long_enough_come_first(host, tmp_path):
    long, short = "word " * 500, "word " * 300
    abstracts = [
        {"id": "arxiv-1", "title": "One", "text": long, "date": "2025-03"},
        {"id": "arxiv-2", "title": "Two", "text": long, "date": "2023-03"},
        {"id": "arxiv-3", "title": None, "text": short, "date": "2025-03"},
        {"id": "arxiv-4", "title": None, "text": long, "date": None},
    ]
    articles = [
        {"id": "acl-1", "title": "Old", "text": long},
        {"id": "other-1", "title": "New", "text": long, "abstract": "Short."},
    ]
    for name, rows in (("arxiv_abstracts", abstracts), ("sci_fulltext", articles)):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = read_passages(Source(str(tmp_path)), host.tokenizer, count=9, tokens=2000)
    assert [one.id for one in found] == ["arxiv-1", "other-1"]
    assert host.decode(found[1].ids).startswith("New\n\nShort.\n\nword word")
    assert counts_of(found) == {"arxiv_abstracts": 1, "sci_fulltext": 1}
    assert np.unique([len(one.ids) for one in found]).tolist() == [2000]


def test_the_picture_has_a_style_for_every_arm_that_is_measured():
    assert {*PRODUCERS, FITTED} <= {*picture.styles()}


def test_the_picture_shows_percent_by_slots():
    rows = [
        {"prefix": True, "measure": "regained", "arm": "anchors", "slots": slots}
        | {"value": share, "low": share - 0.1, "high": share + 0.1}
        for slots, share in ((48, 0.5), (16, 0.25))
    ]
    (line,) = picture.panel([*rows, rows[0] | {"measure": "nats"}], prefix=True).lines
    assert (line.x, line.y) == ((16.0, 48.0), (25.0, 50.0))
    assert picture.panel(rows, prefix=False).lines == ()
