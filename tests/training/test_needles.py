import pytest

from tersely.training.needles import make_needles

NEEDLES = list(make_needles(40, sentences=20, seed=0))


def name_of(needle):
    """The name that is asked for: the longest stretch of the question that the answer says too."""
    words = needle.question.rstrip("?").replace("'s", "").split()
    return " ".join(w for w in words if w in needle.sentences[needle.answer] and w[0].isupper())


def test_the_same_seed_makes_the_same_texts():
    assert list(make_needles(5, sentences=20, seed=3)) == list(
        make_needles(5, sentences=20, seed=3)
    )
    assert list(make_needles(5, sentences=20, seed=3)) != list(
        make_needles(5, sentences=20, seed=4)
    )


def test_fewer_texts_are_the_first_of_more():
    assert list(make_needles(7, sentences=20, seed=0)) == NEEDLES[:7]


@pytest.mark.parametrize("count", [8, 9, 20, 41])
def test_a_text_has_as_many_sentences_as_asked_for(count):
    for needle in make_needles(6, sentences=count, seed=1):
        assert len(needle.sentences) == count
        assert all(sentence.strip().endswith(".") for sentence in needle.sentences)


def test_the_answer_names_what_is_asked_for():
    assert all(name_of(needle) for needle in NEEDLES)


def test_every_other_text_is_about_the_name_and_the_rest_name_it_once():
    about = [needle.text.count(name_of(needle)) for needle in NEEDLES]
    assert min(about[0::2]) >= 8
    assert set(about[1::2]) == {1}


def test_answers_stand_everywhere():
    assert len({needle.answer for needle in NEEDLES}) >= 15


def test_no_template_is_left_unfilled():
    assert all("{" not in needle.text + needle.question for needle in NEEDLES)


def test_questions_repeat_few_words_of_the_answer():
    for needle in NEEDLES:
        asked = {
            w.strip("?").lower() for w in needle.question.split() if w.islower() and len(w) > 4
        }
        told = {w.strip(",.").lower() for w in needle.sentences[needle.answer].split()}
        assert len(asked & told) <= 2
