"""Where the weights of a GPT are, and what a token costs: counted from the model itself, without giving it memory."""

import torch

from groundup.authoring import slider

VOCABS = ("256", "1024", "8192", "50257", "128256")
DIMS = ("64", "128", "256", "512", "768", "1024", "2048", "4096", "8192")
PARTS = {
    "embedding": ("embedding",),
    "attention": ("q", "k", "v", "o"),
    "feed-forward": ("gate", "up", "down"),
}
LENGTHS = [2**n for n in range(6, 18)]

sliders = {
    "vocab": slider("tokens in the vocabulary", choices=VOCABS, start="50257"),
    "dim": slider("dim", choices=DIMS, start="768"),
    "layers": slider("layers", 1, 96, step=1, start=12),
}
needs_builds = ("GPT",)
caption = (
    "Above, the weights of each kind. Twice the width gives four times the weights in the blocks and twice those of the "
    "embedding; so a small model with a large vocabulary is mostly embedding, and a large model mostly feed-forward layers. "
    "Below, the operations that one new token takes, the more of the text stands before it: weights cost the same "
    "everywhere, attention costs more for each earlier token. It takes over at about 6 · dim tokens, later where the vocabulary is large."
)


def compute(my, vocab, dim, layers):
    width = int(dim)
    # One layer is enough to count: all weigh the same. On the meta device, tensors have shapes and no memory.
    with torch.device("meta"):
        model = my.GPT(int(vocab), width, width // 64, 1, 16)
    counts = dict.fromkeys(PARTS, 0)
    for name, weight in model.named_parameters():
        kind = name.split(".")[-2]
        for part, names in PARTS.items():
            if kind in names:
                counts[part] += weight.numel() * (1 if part == "embedding" else layers)
    matrices = sum(counts.values())
    return {
        "counts": counts,
        "weights": [2.0 * matrices for _ in LENGTHS],
        "attention": [4.0 * layers * width * n for n in LENGTHS],
        "label": f"{int(layers)} layers of {width}",
    }


def _short(number):
    """1234567 as 1.23 M."""
    for size, name in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:.3g} {name}"
    return f"{number:.0f}"


def draw(data):
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    names = list(PARTS)
    counts = [int(data["counts"][name]) for name in names]
    total = sum(counts)
    figure = make_subplots(rows=2, cols=1, row_heights=[0.4, 0.6], vertical_spacing=0.24)
    figure.add_trace(
        go.Bar(
            y=names, x=[100.0 * count / total for count in counts], orientation="h", showlegend=False,
            marker={"color": ["#7048e8", "#d9480f", "#1c7ed6"]},
            text=[f"{_short(count)} ({100 * count / total:.0f} %)" for count in counts], textposition="outside",
            cliponaxis=False, hovertemplate="%{y}: %{x:.1f} %<extra></extra>",
        ),
        row=1, col=1,
    )  # fmt: skip
    for name, color, dash in (("weights", "#1c7ed6", "solid"), ("attention", "#d9480f", "dash")):
        figure.add_trace(
            go.Scatter(
                x=LENGTHS, y=[float(one) for one in data[name]], mode="lines+markers", name=name,
                line={"color": color, "width": 2.5, "dash": dash}, marker={"size": 5},
                hovertemplate="%{x} tokens: %{y:.3s} operations<extra></extra>",
            ),
            row=2, col=1,
        )  # fmt: skip
    soft = "rgba(134,142,150,.2)"
    figure.update_xaxes(
        range=[0, 135], tickvals=[0, 25, 50, 75, 100], title="% of all weights", gridcolor=soft, row=1, col=1
    )
    figure.update_yaxes(autorange="reversed", showgrid=False, row=1, col=1)
    figure.update_xaxes(
        type="log", tickvals=LENGTHS[::2], ticktext=[f"{n:,}" for n in LENGTHS[::2]], gridcolor=soft,
        title="tokens before this one", row=2, col=1,
    )  # fmt: skip
    figure.update_yaxes(type="log", title="operations", exponentformat="SI", dtick=1, gridcolor=soft, row=2, col=1)
    figure.update_layout(
        title={"text": f"{data['label']}: {_short(total)} weights", "font": {"size": 15}, "y": 0.98, "yanchor": "top"},
        legend={"orientation": "h", "x": 0, "y": 0.5, "yanchor": "bottom"},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": "#767676"},
        margin={"l": 90, "r": 15, "t": 50, "b": 45},
        height=560,
    )
    return figure
