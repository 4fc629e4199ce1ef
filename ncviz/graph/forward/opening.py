"""Attention as one operation or module (torch's), written out as the products and the softmax that it is made of."""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn


def attention_mask(scores: Tensor, mask: Tensor) -> Tensor:
    """Return scores with a mask of ``F.scaled_dot_product_attention``: False hides, numbers are added."""
    if mask.dtype == torch.bool:
        return scores.masked_fill(~mask, -torch.inf)
    return scores + mask.to(scores.dtype)


def causal_mask(scores: Tensor) -> Tensor:
    """Return scores with those of every key behind its query hidden."""
    seen = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).tril()
    return scores.masked_fill(~seen, -torch.inf)


def opened(module: nn.Module) -> Callable[..., Any] | None:
    """Return the forward of one of torch's own modules that attend, as operations that can be traced.

    Args:
        module: Any module.

    Returns:
        It, or None for other modules, and where this one is set so that there is none.
    """
    kind, m = type(module), _any(module)
    if kind is nn.MultiheadAttention:
        is_plain = m.bias_k is None and m.bias_v is None and not m.add_zero_attn
        return _attention(module) if is_plain else None
    if kind is nn.TransformerEncoderLayer and type(module.self_attn) is nn.MultiheadAttention:
        return _encoder_layer(module)
    return _encoder(module) if kind is nn.TransformerEncoder else None


def _any(module: nn.Module) -> Any:
    return module


class NotOpenedError(Exception):
    """A call of a module with arguments for which its forward is not written out."""


def _attention(m: Any) -> Callable[..., Any]:
    def forward(
        query: Any,
        key: Any,
        value: Any,
        key_padding_mask: Any = None,
        need_weights: bool = True,
        attn_mask: Any = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Any, Any]:
        is_self = query is key and key is value
        if key_padding_mask is not None or (m._qkv_same_embed_dim and not is_self):
            raise NotOpenedError
        if isinstance(attn_mask, Tensor) and attn_mask.ndim != 2:
            raise NotOpenedError
        if m._qkv_same_embed_dim:
            x = query if m.batch_first else query.transpose(0, 1)
            parts = F.linear(x, m.in_proj_weight, m.in_proj_bias).unflatten(-1, (3, m.num_heads, m.head_dim))
            q, k, v = (parts.select(2, at).transpose(1, 2) for at in range(3))
        else:
            weights = (m.q_proj_weight, m.k_proj_weight, m.v_proj_weight)
            biases = (None,) * 3 if m.in_proj_bias is None else m.in_proj_bias.chunk(3)
            given = (each if m.batch_first else each.transpose(0, 1) for each in (query, key, value))
            q, k, v = (
                F.linear(x, w, b).unflatten(-1, (m.num_heads, m.head_dim)).transpose(1, 2)
                for x, w, b in zip(given, weights, biases, strict=True)
            )
        scores = torch.matmul(q, k.transpose(-2, -1)) * (float(m.head_dim) ** -0.5)
        if isinstance(attn_mask, Tensor) and attn_mask.dtype == torch.bool:
            scores = attention_mask_of(scores, ~attn_mask)
        elif attn_mask is not None:
            scores = attention_mask_of(scores, attn_mask)
        attended = torch.softmax(scores, -1)
        mixed = torch.matmul(attended, v).transpose(1, 2).flatten(2)
        out = F.linear(mixed, m.out_proj.weight, m.out_proj.bias)
        found = None
        if need_weights:
            found = attended.mean(1) if average_attn_weights else attended
        return (out if m.batch_first else out.transpose(0, 1)), found

    return forward


def attention_mask_of(scores: Any, mask: Any) -> Any:
    """Note ``attention_mask`` in a trace."""
    return scores.tracer.create_proxy("call_function", attention_mask, (scores, mask), {})


def _encoder_layer(m: Any) -> Callable[..., Any]:
    def forward(
        src: Any, src_mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool = False
    ) -> Any:
        if src_key_padding_mask is not None:
            raise NotOpenedError

        def attend(x: Any) -> Any:
            found = m.self_attn(x, x, x, attn_mask=src_mask, need_weights=False)
            return m.dropout1(found[0])

        def feed(x: Any) -> Any:
            return m.dropout2(m.linear2(m.dropout(m.activation(m.linear1(x)))))

        if m.norm_first:
            x = src + attend(m.norm1(src))
            return x + feed(m.norm2(x))
        x = m.norm1(src + attend(src))
        return m.norm2(x + feed(x))

    return forward


def _encoder(m: Any) -> Callable[..., Any]:
    def forward(
        src: Any, mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool | None = None
    ) -> Any:
        if src_key_padding_mask is not None:
            raise NotOpenedError
        for layer in m.layers:
            src = layer(src, src_mask=mask)
        return src if m.norm is None else m.norm(src)

    return forward


def has_closed_attention(traced: fx.GraphModule) -> bool:
    """Whether a trace calls a function that attends and that torch.fx was told not to follow, as torchvision's Swin."""
    return any(
        node.op == "call_function" and isinstance(node.target, FunctionType) and "attention" in node.target.__name__
        and not node.target.__module__.startswith(("torch.", "ncviz."))
        for node in traced.graph.nodes
    )  # fmt: skip


_ARGUMENTS = ("query", "key", "value", "attn_mask", "dropout_p", "is_causal", "scale", "enable_gqa")


def open_products(traced: fx.GraphModule) -> None:
    """Write out each ``F.scaled_dot_product_attention`` of a trace, and transposes that are read as attributes."""
    for node in list(traced.graph.nodes):
        name = getattr(node.target, "__name__", "").partition(".")[0]
        if node.op == "call_function" and name == "scaled_dot_product_attention":
            _open(traced.graph, node)
        if node.target is getattr and node.args[1] == "mT":
            with traced.graph.inserting_before(node):
                turned = traced.graph.call_function(torch.transpose, (node.args[0], -2, -1))
            node.replace_all_uses_with(turned)
            traced.graph.erase_node(node)


def _open(graph: fx.Graph, node: fx.Node) -> None:
    given = dict(zip(_ARGUMENTS, node.args, strict=False)) | dict(node.kwargs)
    query, key, value = given["query"], given["key"], given["value"]

    def call(function: Any, *args: Any) -> fx.Node:
        made = graph.call_function(function, args)
        made.meta = {name: kept for name, kept in node.meta.items() if name == "nn_module_stack"}
        return made

    def size(of: Any, axis: int) -> fx.Node:
        return graph.call_method("size", (of, axis))

    with graph.inserting_before(node):
        if given.get("enable_gqa"):
            ratio = call(_floordiv, size(query, -3), size(key, -3))
            key, value = (call(torch.repeat_interleave, each, ratio, -3) for each in (key, value))
        scores = call(torch.matmul, query, call(torch.transpose, key, -2, -1))
        scale = given.get("scale")
        if scale is None:
            scale = call(_root_of, size(query, -1))
        scores = call(torch.mul, scores, scale)
        if given.get("is_causal"):
            scores = call(causal_mask, scores)
        if given.get("attn_mask") is not None:
            scores = call(attention_mask, scores, given["attn_mask"])
        found = call(torch.matmul, call(torch.softmax, scores, -1), value)
    node.replace_all_uses_with(found)
    graph.erase_node(node)


def _floordiv(one: int, other: int) -> int:
    return one // other


def _root_of(size: int) -> float:
    """Return what scores are multiplied by, given a query's size."""
    return float(size) ** -0.5
