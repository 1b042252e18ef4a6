"""A table of counts or a small picture, and the nearest table of rank k: what stays, what is added, what is missing."""

import math

import torch

from groundup.authoring import slider

DOCUMENTS = {
    "A": "model reads text",
    "B": "model writes text",
    "C": "network writes words",
    "D": "boat river",
    "E": "ship long river",
    "F": "ship leaves harbor",
}
WORDS = ("model", "reads", "text", "writes", "network", "words", "boat", "river", "long", "ship", "leaves", "harbor")
KINDS = ("six documents", "a face", "noise")

sliders = {
    "kind": slider("what is taken apart", choices=KINDS, start=KINDS[0]),
    "k": slider("rank that is kept", 0, 12, step=1, start=2),
}
needs_builds = ("low_rank",)
caption = (
    "Left the matrix, in the middle the nearest one of rank k, on the right the singular values, the kept ones in orange. For the documents "
    "(rows) and their words (columns), rank 2 gives each document some of the words that it does not have and that its relatives do: A gets "
    "“network”, which only C had. The face is nearly whole at rank 6. Noise has no strong directions, and no rank but the full one will do."
)


def _face():
    at = torch.linspace(-1, 1, 24, dtype=torch.float64)
    y, x = at[:, None], at[None, :]
    face = ((x**2 + y**2) < 0.85).double() * 0.45
    for side in (-0.36, 0.36):
        face = face + ((x - side) ** 2 + (y + 0.28) ** 2 < 0.025).double() * 0.55
    mouth = ((x**2 + (y - 0.02) ** 2 - 0.33).abs() < 0.09) & (y > 0.2)
    return face + mouth.double() * 0.55


def compute(my, kind, k):
    if kind == KINDS[0]:
        a = torch.tensor([[text.split().count(word) for word in WORDS] for text in DOCUMENTS.values()]).double()
    elif kind == KINDS[1]:
        a = _face()
    else:
        a = torch.rand(24, 24, generator=torch.Generator().manual_seed(0), dtype=torch.float64) - 0.5
    # What each further rank explains is the square of a singular value.
    most = min(a.shape)
    left = [(a - my.low_rank(a, rank)).square().sum() for rank in range(min(most, 13))] + [a.new_zeros(())]
    values = [(one - other).clamp_min(0).sqrt() for one, other in zip(left, left[1:])]
    values = torch.stack(values[: min(most, 12)])
    near = my.low_rank(a, int(k))
    return {"a": a, "near": near, "values": values, "k": int(k), "named": kind == KINDS[0]}


def draw(data):
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    orange, gray = "#d9480f", "#868e96"
    a, near = ([[float(x) for x in row] for row in data[name]] for name in ("a", "near"))
    values, k = [float(x) for x in data["values"]], int(data["k"])
    low, high = min(min(row) for row in a), max(max(row) for row in a)
    rank = f"nearest of rank {k}"
    figure = make_subplots(
        rows=1, cols=3, column_widths=[0.4, 0.4, 0.2], subplot_titles=["matrix", rank, "values"],
        horizontal_spacing=0.06,
    )  # fmt: skip
    named = bool(data["named"])
    for col, table in ((1, a), (2, near)):
        figure.add_trace(
            go.Heatmap(
                z=table, zmin=low, zmax=high, colorscale="Cividis", showscale=False, xgap=1 if named else 0,
                ygap=1 if named else 0, hovertemplate="%{z:.2f}<extra></extra>",
                x=list(WORDS) if named else None, y=list(DOCUMENTS) if named else None,
            ),
            row=1, col=col,
        )  # fmt: skip
        figure.update_yaxes(autorange="reversed", showgrid=False, showticklabels=named and col == 1, row=1, col=col)
        figure.update_xaxes(showgrid=False, showticklabels=named, tickangle=-90, row=1, col=col)
    figure.add_trace(
        go.Bar(
            x=list(range(1, len(values) + 1)), y=values, showlegend=False,
            marker={"color": [orange if i < k else gray for i in range(len(values))]},
            hovertemplate="value %{x}: %{y:.2f}<extra></extra>",
        ),
        row=1, col=3,
    )  # fmt: skip
    figure.update_yaxes(range=[0, max(values) * 1.1], gridcolor="rgba(134,142,150,.2)", row=1, col=3)
    figure.update_xaxes(dtick=4, tick0=1, row=1, col=3)
    figure.update_annotations(font={"size": 13})
    whole = sum(x * x for row in a for x in row)
    missing = sum((x - y) ** 2 for one, other in zip(a, near) for x, y in zip(one, other))
    m, n = len(a), len(a[0])
    title = f"{1 - missing / whole:.0%} of the squares kept, {math.sqrt(missing / (m * n)):.3f} off an entry"
    title += f"<br>{k * (m + n)} numbers stored in place of {m * n}"
    figure.update_layout(
        title={"text": title, "font": {"size": 13}, "y": 0.97, "yanchor": "top"},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": "#767676"},
        margin={"l": 30, "r": 10, "t": 95, "b": 65 if named else 30},
        height=400,
    )
    return figure
