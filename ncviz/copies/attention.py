"""Attentions whose projections are layers of their own, so that what looks at layers sees them called."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class CalledAttention(nn.MultiheadAttention):
    """``nn.MultiheadAttention`` that calls its projections, which its own forward reads without calling them.

    ``in_proj`` is a linear layer that shares ``in_proj_weight`` and ``in_proj_bias``; ``out_proj`` is the module's own.
    In eval mode, outputs are the same but for rounding. Calls that it does not write out (a key that is not the query,
    padding, a sequence without a batch) go to the module's own forward.
    """

    in_proj: nn.Linear

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """Return what ``nn.MultiheadAttention`` does."""
        is_one = query is key and key is value and query.ndim == 3
        if not is_one or key_padding_mask is not None or (is_causal and attn_mask is None) or query.is_nested:
            options: dict[str, Any] = {
                "key_padding_mask": key_padding_mask, "need_weights": need_weights, "attn_mask": attn_mask,
                "average_attn_weights": average_attn_weights, "is_causal": is_causal,
            }  # fmt: skip
            return super().forward(query, key, value, **options)
        x = query if self.batch_first else query.transpose(0, 1)
        parts = self.in_proj(x).unflatten(-1, (3, self.num_heads, self.head_dim))
        q, k, v = parts.permute(2, 0, 3, 1, 4)
        scores = q @ k.transpose(-2, -1) * self.head_dim**-0.5
        if attn_mask is not None:
            mask = attn_mask if attn_mask.ndim == 2 else attn_mask.view(scores.shape)
            scores = scores.masked_fill(mask, -torch.inf) if mask.dtype == torch.bool else scores + mask
        shares = torch.softmax(scores, -1)
        found = self.out_proj((shares @ v).transpose(1, 2).flatten(2))
        told = (shares.mean(1) if average_attn_weights else shares) if need_weights else None
        return (found if self.batch_first else found.transpose(0, 1)), told


def call_projections(net: nn.Module) -> nn.Module:
    """Have every attention of a network call its projections; changes the network, which is returned.

    Parameters keep their names; ``named_parameters`` still gives each once. Those of keys and values of other widths
    than the query, or with biases or zeros appended to them, stay as they are.

    Args:
        net: A copy of one's own.
    """
    for module in list(net.modules()):
        if type(module) is not nn.MultiheadAttention or not module._qkv_same_embed_dim:
            continue
        if module.bias_k is not None or module.add_zero_attn:
            continue
        layer = nn.Linear(module.embed_dim, 3 * module.embed_dim, bias=False, device="meta")
        layer.weight = module.in_proj_weight
        layer.bias = module.in_proj_bias
        module.__class__ = CalledAttention
        module.in_proj = layer.train(module.training)
    return net
