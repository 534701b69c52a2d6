"""A trained compressor on disk: what is read is what was written, for the model it was made for."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_soft import some_texts, tiny_host

from tersely.backends.store import file_hash
from tersely.errors import BackendError, ModelMismatch, ModelNotFound
from tersely.soft.adapter_file import CARD, WEIGHTS, read_adapter
from tersely.soft.base import load_producer
from tersely.soft.presets import preset
from tersely.soft.reader import nats
from tersely.soft.trained import network_of


@pytest.fixture(scope="module")
def host():
    return tiny_host()


@pytest.fixture
def save(host, tmp_path):
    """Write an adapter with weights that are not 0, its card changed; return its folder."""

    def made(method="compressor500x", *, shape=None, **changes):
        shape = shape or preset("default", rank=2, budgets=(4, 8))
        network = network_of(method, host, shape)
        torch.manual_seed(3)
        for one in network.parameters():
            torch.nn.init.normal_(one, std=0.1)
        tensors = {name: one.contiguous() for name, one in network.state_dict().items()}
        save_file(tensors, tmp_path / WEIGHTS)
        told = {"method": method, "shape": network.shape.to_json(), "trigger": 1}
        told |= {"prefix_sha256": host.prefix_sha256}
        base = {"sha256": host.fingerprint.model}
        card = {"adapter": told, "base": base, "weights_sha256": file_hash(tmp_path / WEIGHTS)}
        (tmp_path / CARD).write_text(json.dumps(card | changes))
        return tmp_path, network.eval()

    return made


@pytest.mark.parametrize("method", ["compressor500x", "icae", "icformer"])
def test_a_producer_makes_what_the_saved_network_makes(host, save, method):
    folder, network = save(method)
    (text,) = some_texts(20)
    memory = load_producer(method, adapter=str(folder)).produce(host, text, 4)
    with torch.no_grad():
        torch.testing.assert_close(memory.keys, network.encode(host, [text], [4]).keys[:, 0])
    assert memory.fingerprint.adapter == file_hash(folder / WEIGHTS)
    assert memory.made_by["trigger"] == 1


def test_what_stands_in_the_way_of_the_reader_is_told(host, save):
    folder, _ = save(shape=preset("paper-exactly"))
    memory = load_producer("compressor500x", adapter=folder).produce(host, some_texts(30)[0], 4)
    assert memory.made_by["behind"] is True
    assert len(nats(host, memory, [5, 6, 7])) == 2


def test_an_adapter_of_another_model_is_refused_with_both(host, save):
    folder, _ = save(base={"sha256": "0" * 64})
    with pytest.raises(ModelMismatch, match=f"base is 0000.* tiny is {host.fingerprint.model[:8]}"):
        load_producer("compressor500x", adapter=folder).produce(host, some_texts(20)[0], 4)


def test_an_adapter_trained_behind_another_prefix_is_refused(save):
    folder, _ = save()
    other = tiny_host()
    other.prefix = (1, 7)
    with pytest.raises(ModelMismatch, match="another prefix"):
        load_producer("compressor500x", adapter=folder).produce(other, some_texts(20)[0], 4)


def test_an_adapter_of_another_method_is_refused(save):
    folder, _ = save()
    with pytest.raises(ModelMismatch, match="trained for 'compressor500x', not for 'icae'"):
        read_adapter(folder, "icae")


def test_weights_that_are_not_those_of_the_card_are_damaged(save):
    folder, _ = save()
    content = bytearray((folder / WEIGHTS).read_bytes())
    content[-1] ^= 1
    (folder / WEIGHTS).write_bytes(content)
    with pytest.raises(BackendError, match="damaged"):
        read_adapter(folder)


def test_weights_of_another_size_do_not_fit(host, save):
    folder, _ = save()
    tensors = load_file(folder / WEIGHTS)
    save_file(tensors | {"table.rows": tensors["table.rows"][:3]}, folder / WEIGHTS)
    card = json.loads((folder / CARD).read_text())
    card["weights_sha256"] = file_hash(folder / WEIGHTS)
    (folder / CARD).write_text(json.dumps(card))
    with pytest.raises(ModelMismatch, match=r"table.rows is \(3, 32\) there, and \(12, 32\) here"):
        load_producer("compressor500x", adapter=folder).produce(host, some_texts(20)[0], 4)


def test_a_folder_without_an_adapter_is_refused(tmp_path):
    with pytest.raises(ModelNotFound, match="soft-pretrain"):
        read_adapter(tmp_path)


@pytest.mark.parametrize("card", [{}, {"adapter": {"method": "icae", "shape": {"heads": 1}}}])
def test_a_card_that_describes_no_adapter_is_refused(tmp_path, card):
    (tmp_path / CARD).write_text(json.dumps(card))
    (tmp_path / WEIGHTS).write_bytes(b"")
    with pytest.raises(ModelMismatch, match="describes no adapter"):
        read_adapter(tmp_path)
