"""The table of a network's layers: each where it is called, with the weights that it has itself."""

import pytest
import torch

from ncviz import tasks
from ncviz.models.catalogue.architectures import build_seeded
from ncviz.tasks.preflight import layer_rows


@pytest.mark.slow
def test_queries_keys_and_values_stand_where_their_attention_does_and_share_its_weights():
    net = build_seeded("vit-mnist", 0)
    torch.nn.init.uniform_(net.heads.head.weight)
    arrays = {name: values.numpy() for name, values in net.state_dict().items()}
    rows = layer_rows(tasks.Network("own", "own", "vit-mnist", "mnist", arrays, is_bundled=False))
    names = [row["layer"] for row in rows]
    assert names[:3] == ["conv_proj", "encoder.dropout", "encoder_layer_0.ln_1"]
    # The first block reads the patches and the class token, which are two layers; the others read one.
    assert names[3:10] == [
        *(f"encoder_layer_0.self_attention.{part}" for part in ("query", "query", "key", "key", "value", "value")),
        "encoder_layer_0.self_attention.out_proj",
    ]  # fmt: skip
    of_block = {row["layer"]: row for row in rows if row["layer"].startswith("encoder_layer_1.")}
    for part in ("query", "key", "value", "out_proj"):
        assert of_block[f"encoder_layer_1.self_attention.{part}"]["weights"] == 64 * 64
        assert of_block[f"encoder_layer_1.self_attention.{part}"]["edges"] == 50 * 64 * 64
    whole = {row["layer"]: row["weights"] for row in rows if row["weights"]}
    assert sum(whole.values()) == sum(values.numel() for values in net.parameters() if values.dim() in (2, 4))
    assert rows[-1]["layer"] == "head"
