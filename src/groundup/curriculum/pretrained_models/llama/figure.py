"""Which of the family fits where: weights counted from the block itself, and the cache of what it is to hold."""

import math
from typing import NamedTuple

import torch

from groundup.authoring import slider


class Config(NamedTuple):
    vocab: int
    dim: int
    layers: int
    heads: int
    hidden: int
    kv_heads: int
    context: int
    head_dim: int = 128
    tied: bool = False
    eps: float = 1e-5
    theta: float = 500000.0
    rope_scaling: None = None
    qkv_bias: bool = False
    qk_norm: bool = False
    windows: tuple[int, ...] = ()


FAMILY = {
    "Llama 3.2 1B": Config(128256, 2048, 16, 32, 8192, 8, 131072, 64, True),
    "Llama 3.2 3B": Config(128256, 3072, 28, 24, 8192, 8, 131072, 128, True),
    "Llama 1 7B": Config(32000, 4096, 32, 32, 11008, 32, 2048),
    "Llama 2 7B": Config(32000, 4096, 32, 32, 11008, 32, 4096),
    "Llama 3.1 8B": Config(128256, 4096, 32, 32, 14336, 8, 131072),
    "Llama 2 13B": Config(32000, 5120, 40, 40, 13824, 40, 4096),
    "Llama 1 33B": Config(32000, 6656, 60, 52, 17920, 52, 2048),
    "Llama 1 65B": Config(32000, 8192, 80, 64, 22016, 64, 2048),
    "Llama 2 70B": Config(32000, 8192, 80, 64, 28672, 8, 4096),
    "Llama 3.1 70B": Config(128256, 8192, 80, 64, 28672, 8, 131072),
    "Llama 3.1 405B": Config(128256, 16384, 126, 128, 53248, 8, 131072),
}
BITS = {"32 bits": 32, "16 bits": 16, "8 bits": 8, "4 bits": 4}
MEMORIES = (8, 24, 80, 640)

sliders = {
    "bits": slider("weights in", choices=tuple(BITS), start="16 bits"),
    "tokens": slider("tokens of a text: 2 to the power of", 7, 17, step=1, start=12),
    "texts": slider("texts at once", 1, 64, step=1, start=1),
}
needs_builds = ("LlamaBlock",)
caption = (
    "The memory that each model needs to run, in GB on a logarithmic scale: weights in the precision above, plus the cache of the "
    "texts in 16 bits (never longer than the model's own context). A bar turns dark where the cache is larger than the weights. "
    "Dotted lines: 8 GB, a laptop; 24 and 80 GB, graphics cards; 640 GB, eight of the large ones. With one short text the "
    "weights are nearly all; with many long ones the cache counts, and it is models without grouped queries (Llama 1, and "
    "Llama 2 up to 13B) that it hits."
)


def compute(my, bits, tokens, texts):
    rows, counted = [], {}
    for name, config in FAMILY.items():
        shape = config.dim, config.heads, config.kv_heads, config.hidden, config.head_dim
        if shape not in counted:
            with torch.device("meta"):  # shapes only, no memory
                counted[shape] = sum(one.numel() for one in my.LlamaBlock(config).parameters())
        outside = config.vocab * config.dim * (1 if config.tied else 2) + config.dim
        weights = outside + config.layers * counted[shape]
        length = min(2 ** int(tokens), config.context)
        cache = 2 * 2 * config.layers * texts * config.kv_heads * length * config.head_dim
        rows.append([name, weights, weights * BITS[bits] / 8e9, cache / 1e9])
    return {"rows": rows, "bits": bits, "tokens": 2 ** int(tokens), "texts": texts}


def draw(data):
    import plotly.graph_objects as go

    rows = [(str(name), int(count), float(weights), float(cache)) for name, count, weights, cache in data["rows"]]
    totals = [weights + cache for _, _, weights, cache in rows]
    low = 0.3
    figure = go.Figure()
    figure.add_trace(
        go.Bar(
            y=[row[0] for row in rows], x=totals, orientation="h", showlegend=False,
            marker={"color": [f"rgba(217,72,15,{0.55 if cache < weights else 1.0})" for _, _, weights, cache in rows]},
            text=[f" {w:.3g} + {c:.2g}" for _, _, w, c in rows], textposition="outside", cliponaxis=False,
            customdata=[f"{count / 1e9:.2f} billion weights" for _, count, _, _ in rows],
            hovertemplate="%{y}, %{customdata}: %{x:.3g} GB<extra></extra>",
        )
    )  # fmt: skip
    top = max(2000.0, 3 * max(totals))
    for size in MEMORIES:
        figure.add_vline(x=size, line={"color": "#868e96", "width": 1.5, "dash": "dot"})
        figure.add_annotation(
            x=math.log10(size), y=1.0, yref="paper", yanchor="bottom", text=f"{size}", showarrow=False,
            font={"size": 11},
        )  # fmt: skip
    fitting = sum(total <= 80 for total in totals)
    texts = int(data["texts"])
    what = "a text" if texts == 1 else f"{texts} texts"
    title = f"{data['bits']}, {what} of {int(data['tokens']):,} tokens:<br>{fitting} of {len(rows)} fit into 80 GB"
    figure.update_xaxes(
        type="log", range=[math.log10(one) for one in (low, top)], tickvals=[1, 10, 100, 1000],
        title="GB: weights + cache", gridcolor="rgba(134,142,150,.2)",
    )  # fmt: skip
    figure.update_yaxes(autorange="reversed", showgrid=False)
    figure.update_layout(
        title={"text": title, "font": {"size": 14}, "y": 0.985, "yanchor": "top"},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": "#767676"},
        margin={"l": 110, "r": 15, "t": 85, "b": 45},
        height=520,
    )
    return figure
