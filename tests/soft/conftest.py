"""Soft compression needs torch; its tests are left out where it is not installed."""

from importlib.util import find_spec

import pytest

if find_spec("torch") is None or find_spec("transformers") is None:
    collect_ignore_glob = ["test_*.py"]


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Models this small are read faster by one thread than by several that wait for each other."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def soft_host():
    """The real model as a host; the test is skipped where it has not been pulled."""
    from tersely.errors import ModelNotFound
    from tersely.soft.host import load_host

    try:
        return load_host(device="cpu")
    except ModelNotFound as error:
        pytest.skip(str(error))
