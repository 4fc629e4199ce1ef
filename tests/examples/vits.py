"""Small vision transformers that write the same attention in different ways."""

import torch
import torch.nn.functional as F
from torch import nn


class Attending(nn.Module):
    """Self-attention whose queries, keys and values one linear layer gives."""

    def __init__(self, channels, heads, way="written out", bias=False, tokens=5):
        super().__init__()
        self.heads, self.way = heads, way
        self.qkv, self.out_proj = nn.Linear(channels, 3 * channels), nn.Linear(channels, channels)
        self.scale = (channels // heads) ** -0.5
        self.relative = nn.Parameter(torch.randn(heads, tokens, tokens)) if bias else None

    def forward(self, x):
        images, tokens, channels = x.shape
        if self.way == "chunked":
            q, k, v = (
                part.reshape(images, tokens, self.heads, -1).transpose(1, 2)
                for part in self.qkv(x).chunk(3, dim=-1)
            )
        else:
            q, k, v = self.qkv(x).reshape(images, tokens, 3, self.heads, -1).permute(2, 0, 3, 1, 4).unbind(0)
        if self.way == "sdpa":
            z = F.scaled_dot_product_attention(q, k, v, attn_mask=self.relative)
        elif self.way == "einsum":
            scores = torch.einsum("bhtc,bhuc->bhtu", q * self.scale, k)
            z = torch.einsum("bhtu,bhuc->bhtc", scores.softmax(-1), v)
        elif self.way == "merged":
            q, k, v = (part.reshape(images * self.heads, tokens, -1) for part in (q, k, v))
            z = torch.bmm(torch.softmax(torch.bmm(q, k.transpose(1, 2)) * self.scale, dim=-1), v)
            z = z.view(images, self.heads, tokens, -1)
        else:
            scores = (q @ k.transpose(-2, -1)) / self.scale**-1
            scores = scores if self.relative is None else scores + self.relative
            z = scores.softmax(dim=-1) @ v
        return self.out_proj(z.transpose(1, 2).reshape(images, tokens, channels))


class Separate(nn.Module):
    """Self-attention of three linear layers; with fewer heads of keys and values than of queries if told so."""

    def __init__(self, channels, heads, groups=None):
        super().__init__()
        self.heads, self.groups, self.size = heads, groups or heads, channels // heads
        self.q = nn.Linear(channels, channels)
        self.k, self.v = (nn.Linear(channels, self.groups * self.size) for _ in range(2))
        self.out_proj = nn.Linear(channels, channels)

    def forward(self, x):
        q = self.q(x).unflatten(-1, (self.heads, self.size)).transpose(1, 2)
        k, v = (
            layer(x).unflatten(-1, (self.groups, self.size)).transpose(1, 2) for layer in (self.k, self.v)
        )
        k, v = (each.repeat_interleave(self.heads // self.groups, 1) for each in (k, v))
        z = (q @ k.mT * self.size**-0.5).softmax(-1) @ v
        return self.out_proj(z.transpose(1, 2).flatten(2))


class Ours(nn.Module):
    """``nn.MultiheadAttention``."""

    def __init__(self, channels, heads, batch_first=True):
        super().__init__()
        self.attend = nn.MultiheadAttention(channels, heads, batch_first=batch_first)

    def forward(self, x):
        if self.attend.batch_first:
            return self.attend(x, x, x)[0]
        x = x.transpose(0, 1)
        return self.attend(x, x, x, need_weights=False)[0].transpose(0, 1)


class Vit(nn.Module):
    """Patches, a class token or a mean, position embeddings, one pre-norm block, a head."""

    shape = (1, 4, 4)

    def __init__(self, attention, channels=4, pool="token", wide=2):
        super().__init__()
        self.pool, tokens = pool, 4 + (pool == "token")
        self.patches = nn.Conv2d(1, channels, 2, 2)
        self.token = nn.Parameter(torch.randn(1, 1, channels)) if pool == "token" else None
        self.positions = nn.Parameter(torch.randn(1, tokens, channels))
        self.first, self.second, self.last = (nn.LayerNorm(channels) for _ in range(3))
        self.attention = attention
        self.mlp = nn.Sequential(
            nn.Linear(channels, wide * channels), nn.GELU(), nn.Linear(wide * channels, channels)
        )
        self.head = nn.Linear(channels, 3)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        if self.token is not None:
            x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], dim=1)
        x = x + self.positions
        x = x + self.attention(self.first(x))
        x = self.last(x + self.mlp(self.second(x)))
        return self.head(x[:, 0] if self.pool == "token" else x.mean(dim=1))


# Each with the same weights, in the same order: queries, keys, values, and what their mix is multiplied by.
WAYS = {
    "written out": lambda: Attending(4, 2),
    "chunked": lambda: Attending(4, 2, "chunked"),
    "einsum": lambda: Attending(4, 2, "einsum"),
    "heads among the images": lambda: Attending(4, 2, "merged"),
    "scaled_dot_product_attention": lambda: Attending(4, 2, "sdpa"),
    "nn.MultiheadAttention": lambda: Ours(4, 2),
    "nn.MultiheadAttention, tokens first": lambda: Ours(4, 2, batch_first=False),
    "three linear layers": lambda: Separate(4, 2),
}


def vit(way, pool="token"):
    """Return a network of one way, all of them with the same weights, in float64 and eval mode."""
    torch.manual_seed(0)
    net = Vit(WAYS[way](), pool=pool)
    generator = torch.Generator().manual_seed(1)
    inner, mixed = torch.randn(12, 4, generator=generator), torch.randn(4, 4, generator=generator)
    shifts = torch.randn(12, generator=generator)
    own = dict(net.attention.named_parameters())
    with torch.no_grad():
        for name, value in own.items():
            if name in ("qkv.weight", "attend.in_proj_weight"):
                value.copy_(inner)
            elif name in ("qkv.bias", "attend.in_proj_bias"):
                value.copy_(shifts)
            elif name.endswith("out_proj.weight"):
                value.copy_(mixed)
            elif name.endswith("out_proj.bias"):
                value.zero_()
            else:
                at = "qkv".index(name[0])
                value.copy_((inner if name.endswith("weight") else shifts)[4 * at : 4 * at + 4])
        for name, value in net.named_parameters():
            if not name.startswith("attention"):
                value.copy_(
                    torch.randn(value.shape, generator=torch.Generator().manual_seed(100 + len(name)))
                )
    return net.double().eval()
