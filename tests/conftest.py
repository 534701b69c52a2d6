"""What all tests share. Models are built in memory; the real ones are optional."""

from pathlib import Path

import pytest
from fakes import FakeBackend, WordCounter
from hypothesis import HealthCheck, settings

from tersely.counting import load_counter
from tersely.errors import ModelNotFound

settings.register_profile(
    "tersely", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("tersely")

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture
def backend():
    """A model by hashing; it notes what it is asked."""
    return FakeBackend()


@pytest.fixture(scope="session")
def words():
    """Counts blank-separated words."""
    return WordCounter()


@pytest.fixture(scope="session")
def o200k():
    """Counts in the tokens of GPT-4o and GPT-5."""
    return load_counter("o200k_base")


@pytest.fixture(scope="session")
def example():
    """Reads a text of the examples by name."""
    return lambda name: (EXAMPLES / name).read_text("utf-8")


@pytest.fixture(scope="session")
def smollm2():
    """The real model, on the CPU; the test is skipped where it has not been pulled."""
    from tersely.backends.load import load_causal

    try:
        return load_causal()
    except ModelNotFound as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def minilm():
    """The real encoder, on the CPU; the test is skipped where it has not been pulled."""
    from tersely.backends.load import load_encoder

    try:
        return load_encoder()
    except ModelNotFound as error:
        pytest.skip(str(error))
