"""Who hears of whom in a stack of blocks: each word in turn is changed a little, and what moves at the end is measured."""

import math

import torch

from groundup.authoring import slider

TEXT = ("the", "cat", "sat", "because", "it", "was", "tired")
SOURCE = ("die", "Katze", "saß", "weil", "sie", "müde", "war")
KINDS = ("EncoderLayer", "DecoderLayer", "DecoderOnlyBlock")
MASKS = ("none", "causal", "itself and the word before")
DIM, HEADS, HIDDEN = 16, 4, 32

sliders = {
    "layers": slider("number of layers", 1, 6, step=1, start=1),
    "kind": slider("layer", choices=KINDS, start="DecoderOnlyBlock"),
    "mask": slider("mask on the text", choices=MASKS, start="causal"),
}
needs_builds = KINDS
caption = (
    "A stack of layers with random weights. Each word in turn (a column) is changed a little at the bottom, and the map shows "
    "how much each word at the top (a row) moves, in percent of all that moves it. Empty means: does not move at all. With the "
    "mask that shows a word only itself and the one before, one layer carries news one word further; six layers reach six "
    "words. Without a mask, one layer mixes everything with everything. The decoder layer also hears of the whole source text, "
    "from the first layer on: the mask on the text does not cover that."
)


def _filled(module, generator):
    with torch.no_grad():
        for name, one in module.named_parameters():
            if one.dim() == 2:
                one.copy_(torch.randn(one.shape, generator=generator) / math.sqrt(one.shape[-1]))
    return module


def compute(my, layers, kind, mask):
    generator = torch.Generator().manual_seed(3)
    n, layers = len(TEXT), int(layers)
    text, source = torch.randn(n, DIM, generator=generator), torch.randn(n, DIM, generator=generator)
    nudges = 0.05 * torch.randn(2, n, DIM, generator=generator)
    across = kind == "DecoderLayer"
    # A batch: the text as it is, then with each word of it, or of the source, changed.
    count = 2 * n if across else n
    texts, sources = text.repeat(count + 1, 1, 1), source.repeat(count + 1, 1, 1)
    for j in range(n):
        if across:
            sources[1 + j, j] += nudges[0, j]
        texts[1 + count - n + j, j] += nudges[1, j]
    allowed = _mask(mask, n)
    cos, sin = _tables(n, DIM // HEADS)
    x = texts
    with torch.no_grad():
        for _ in range(layers):
            if kind == "EncoderLayer":
                x = _filled(my.EncoderLayer(DIM, HEADS, HIDDEN), generator)(x, allowed)
            elif across:
                x = _filled(my.DecoderLayer(DIM, HEADS, HIDDEN), generator)(x, sources, allowed)
            else:
                x = _filled(my.DecoderOnlyBlock(DIM, HEADS, HEADS // 2, HIDDEN), generator)(x, cos, sin, allowed)
    moved = (x[1:] - x[:1]).norm(dim=-1).T  # (n, count): a row for each word at the top
    moved = torch.where(moved < 1e-6, 0.0, moved)
    shares = 100.0 * moved / moved.sum(dim=-1, keepdim=True).clamp(min=1e-12)
    return {"shares": shares, "columns": [*(SOURCE if across else ()), *TEXT], "kind": kind, "layers": layers}


def _mask(name, n):
    if name == "none":
        return None
    mask = torch.ones(n, n, dtype=torch.bool).tril()
    return mask if name == "causal" else mask.triu(diagonal=-1)


def _tables(n, head_dim):
    rates = 10000.0 ** (-torch.arange(0, head_dim, 2) / head_dim)
    angles = torch.outer(torch.arange(n).float(), rates).repeat(1, 2)
    return angles.cos(), angles.sin()


def draw(data):
    import plotly.graph_objects as go

    columns, shares = [str(one) for one in data["columns"]], data["shares"]
    rows = [[float(one) if float(one) > 0 else None for one in row] for row in shares]
    places = list(range(len(columns)))
    figure = go.Figure(
        go.Heatmap(
            z=rows, x=places, y=list(range(len(TEXT))), zmin=0, zmax=100, colorscale="Cividis", xgap=2, ygap=2,
            hoverongaps=False, customdata=[[f"“{a}” moved by “{b}”" for b in columns] for a in TEXT],
            hovertemplate="%{customdata}: %{z:.1f} %<extra></extra>",
            showscale=False,
        )
    )  # fmt: skip
    cells = [(i, j, one) for i, row in enumerate(rows) for j, one in enumerate(row) if one is not None]
    figure.add_trace(
        go.Scatter(
            x=[j for _, j, _ in cells], y=[i for i, _, _ in cells],
            text=[f"{one:.0f}" if one >= 0.5 else "<1" for *_, one in cells],
            textfont={"color": ["#ffffff" if one < 45 else "#000000" for *_, one in cells], "size": 11},
            mode="text", hoverinfo="skip", showlegend=False,
        )
    )  # fmt: skip
    across = len(columns) > len(TEXT)
    if across:
        figure.add_vline(x=len(SOURCE) - 0.5, line={"color": "#d9480f", "width": 3})
    heard = sum(one is not None for one in rows[-1])
    figure.update_xaxes(
        tickvals=places, ticktext=columns, tickangle=-60, side="top", showgrid=False, zeroline=False,
        title="changed at the bottom" + (" (left: in the source)" if across else ""),
    )  # fmt: skip
    figure.update_yaxes(
        tickvals=list(range(len(TEXT))), ticktext=list(TEXT), range=[len(TEXT) - 0.5, -0.5], showgrid=False, zeroline=False,
        title="moved at the top",
    )  # fmt: skip
    figure.update_layout(
        title={
            "text": f"behind {int(data['layers'])} × {data['kind']}<br>“tired” is moved by {heard} of {len(columns)} words",
            "font": {"size": 15},
            "y": 0.965,
            "yanchor": "top",
        },
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": "#767676"},
        margin={"l": 75, "r": 15, "t": 165, "b": 15},
        height=520,
    )
    return figure
