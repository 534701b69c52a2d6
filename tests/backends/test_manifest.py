import re

import pytest

from tersely.backends.manifest import MANIFEST, manifest_of
from tersely.backends.store import is_hub_id
from tersely.errors import UnknownName


@pytest.mark.parametrize("manifest", MANIFEST.values(), ids=str)
def test_every_manifest_says_all_that_is_needed_to_fetch_and_check(manifest):
    assert all(re.fullmatch(r"[0-9a-f]{64}", file.sha256) for file in manifest.files)
    assert manifest.total_bytes == sum(file.size_bytes for file in manifest.files)
    assert re.fullmatch(r"[\w.-]+==[\d.]+|this package", str(manifest.source))
    assert manifest.source.file.rpartition("/")[2] == manifest.file_name
    assert manifest.size_bytes > 1_000_000
    assert manifest.parameters > 1_000_000
    assert manifest.summary
    assert manifest.licence


@pytest.mark.parametrize("manifest", MANIFEST.values(), ids=str)
def test_files_of_one_model_have_different_names_and_but_for_gguf_are_a_whole_folder(manifest):
    names = [file.name for file in manifest.files]
    assert len(set(names)) == len(names)
    assert names[0] == manifest.file_name
    if manifest.kind != "causal":
        assert {"config.json", "tokenizer.json", "model.safetensors"} <= set(names)


@pytest.mark.parametrize("name", MANIFEST)
def test_a_short_name_is_its_key_and_cannot_be_taken_for_a_hub_id(name):
    assert MANIFEST[name].name == name
    assert not is_hub_id(name)


def test_a_wrong_name_is_refused_with_the_nearest():
    with pytest.raises(UnknownName, match="Did you mean 'smollm2-135m'"):
        manifest_of("smolm2-135m")
