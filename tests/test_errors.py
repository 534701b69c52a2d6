"""Errors: one tree, one line each, with what to do about it."""

import pytest

import tersely
from tersely import errors
from tersely._optional import need

ALL = [cls for cls in vars(errors).values() if isinstance(cls, type) and cls is not errors.Error]
ALL = [cls for cls in ALL if issubclass(cls, errors.Error)]


def test_one_except_catches_all():
    assert len(ALL) == 10
    assert errors.Error is tersely.Error


@pytest.mark.parametrize("cls", ALL, ids=lambda cls: cls.__name__)
def test_the_tree_in_the_docstring_is_complete(cls):
    assert f"{cls.__name__} " in errors.__doc__


@pytest.mark.parametrize(
    ("cls", "base"),
    [
        *[(errors.PromptError, ValueError), (errors.BudgetError, ValueError)],
        *[(errors.SettingError, ValueError), (errors.BudgetTooSmall, errors.BudgetError)],
        *[(errors.UnknownName, LookupError), (errors.MissingDependency, ImportError)],
        *[(errors.BackendError, RuntimeError), (errors.ModelNotFound, LookupError)],
        *[(errors.ModelCorrupt, errors.BackendError), (errors.ModelMismatch, errors.BackendError)],
    ],
)
def test_errors_are_what_a_caller_expects(cls, base):
    assert issubclass(cls, base)


def test_a_budget_too_small_has_both_numbers():
    error = errors.BudgetTooSmall(limit_tokens=10, protected_tokens=25)
    assert (error.limit_tokens, error.protected_tokens) == (10, 25)
    assert str(error) == (
        "The budget is 10 tokens but the protected text alone needs 25."
        " Raise the budget, or protect less."
    )


def test_an_unknown_name_suggests_the_nearest():
    error = errors.UnknownName("method", "truncat", ["truncate", "llmlingua"])
    assert (error.kind, error.name) == ("method", "truncat")
    assert error.known == ["llmlingua", "truncate"]
    assert str(error) == (
        "No method is called 'truncat'. Did you mean 'truncate'? There are: llmlingua, truncate."
    )


def test_nothing_is_suggested_where_nothing_is_near():
    assert "Did you mean" not in str(errors.UnknownName("method", "xyz", ["truncate"]))


def test_a_missing_package_says_which_extra_brings_it():
    with pytest.raises(errors.MissingDependency, match=r"pip install 'tersely\[torch\]'") as caught:
        need("no_such_package_here", extra="torch")
    assert caught.value.extra == "torch"


def test_a_missing_submodule_of_a_missing_package_is_the_same():
    with pytest.raises(errors.MissingDependency, match=r"'no_such\.package'"):
        need("no_such.package", extra="torch")


def test_an_installed_package_is_returned():
    assert need("json.decoder", extra="torch").__name__ == "json.decoder"


def test_a_fault_inside_a_package_is_passed_on(tmp_path, monkeypatch):
    (tmp_path / "faulty_package.py").write_text("import not_installed_either")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="not_installed_either"):
        need("faulty_package", extra="torch")
