"""How many words two documents share by chance: the balance point of a distribution, and which outcomes a moment is made of."""

import math

import torch

from groundup.authoring import slider

sliders = {
    "first": slider("different words in the first document", 1, 12, step=1, start=6),
    "second": slider("different words in the second", 1, 12, step=1, start=7),
    "vocabulary": slider("words to pick from", 24, 60, step=2, start=24),
    "copies": slider("pairs that are copies (%)", 0.0, 20.0, step=0.5, start=1.0),
    "k": slider("power of the distance from the mean", 0, 6, step=1, start=2),
}
needs_builds = ("expectation", "moment")
caption = (
    "Above: how probable each number of shared words is if the second document picks its words blindly, except for a few "
    "that are copies and share all they can. The triangle is the expected value, where the bars balance; the line above reaches one "
    "standard deviation to each side. Below: how much of the k-th power of the distance comes from each outcome. With "
    "k = 0 that is the distribution itself. Each further power makes the rare and far ones count for more: of the fourth, "
    "half and more comes from the one pair in a hundred that is a copy. That is what kurtosis measures."
)


def _chances(first, second, vocabulary, copies):
    most = min(first, second)
    ways = [
        math.comb(first, k) * math.comb(vocabulary - first, second - k) if k <= second else 0 for k in range(first + 1)
    ]
    p = torch.tensor(ways, dtype=torch.float64) / math.comb(vocabulary, second) * (1 - copies)
    p[most] += copies
    return p


def compute(my, first, second, vocabulary, copies, k):
    first, second, k = int(first), int(second), int(k)
    p = _chances(first, second, int(vocabulary), copies / 100)
    values = torch.arange(first + 1, dtype=torch.float64)
    mean = my.expectation(values, p)
    size = (values - mean).abs() ** k * p
    return {
        "p": p,
        "mean": mean,
        "moments": [my.moment(values, p, order, central=True) for order in (2, 3, 4)],
        "moment": my.moment(values, p, k, central=True),
        "shares": size / size.sum().clamp(min=1e-300),
        "signs": (values - mean).sign() if k % 2 else torch.ones_like(values),
        "k": k,
    }


BLUE, ORANGE, GRAY = "#1c7ed6", "#d9480f", "#868e96"


def _chance_panel(figure, values, p, mean, spread):
    import plotly.graph_objects as go

    height = max(p) * 1.12
    band = go.Scatter(
        x=[mean - spread, mean - spread, None, mean - spread, mean + spread, None, mean + spread, mean + spread],
        y=[height * 0.97, height * 1.03, None, height, height, None, height * 0.97, height * 1.03],
        mode="lines", line={"color": ORANGE, "width": 3}, showlegend=False,
        hovertemplate=f"standard deviation {spread:.3f}<extra></extra>",
    )  # fmt: skip
    bars = go.Bar(
        x=values, y=p, marker={"color": BLUE}, showlegend=False, hovertemplate="%{x} shared: %{y:.4f}<extra></extra>"
    )
    balance = go.Scatter(
        x=[mean], y=[0], mode="markers", showlegend=False, cliponaxis=False,
        marker={"symbol": "triangle-up", "size": 16, "color": ORANGE, "line": {"color": "#ffffff", "width": 1}},
        hovertemplate=f"expected value {mean:.3f}<extra></extra>",
    )  # fmt: skip
    figure.add_trace(bars, row=1, col=1)
    figure.add_trace(balance, row=1, col=1)
    figure.add_trace(band, row=1, col=1)
    figure.update_yaxes(title="probability", rangemode="tozero", gridcolor="rgba(134,142,150,.2)", row=1, col=1)


def _share_panel(figure, values, shares, signs, k):
    import plotly.graph_objects as go

    bars = go.Bar(
        x=values, y=[100 * share for share in shares], showlegend=False,
        marker={"color": [GRAY if sign < 0 else ORANGE for sign in signs]},
        text=[f"{100 * share:.0f}" if share >= 0.005 else "" for share in shares], textposition="outside", cliponaxis=False,
        hovertemplate="%{x} shared: %{y:.1f} %<extra></extra>",
    )  # fmt: skip
    figure.add_trace(bars, row=2, col=1)
    figure.update_yaxes(
        title=f"% of |distance|<sup>{k}</sup>", range=[0, 115], tickvals=[0, 50, 100], gridcolor="rgba(134,142,150,.2)",
        row=2, col=1,
    )  # fmt: skip
    figure.update_xaxes(title="shared words", row=2, col=1)


def draw(data):
    from plotly.subplots import make_subplots

    p = [float(value) for value in data["p"]]
    values, mean, k = list(range(len(p))), float(data["mean"]), int(data["k"])
    variance, third, fourth = (float(value) for value in data["moments"])
    spread = math.sqrt(max(variance, 0.0))
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[0.55, 0.45], vertical_spacing=0.09)
    _chance_panel(figure, values, p, mean, spread)
    _share_panel(figure, values, [float(v) for v in data["shares"]], [float(v) for v in data["signs"]], k)
    shape = "no spread"
    if spread > 1e-9:
        shape = f"skewness {third / spread**3:.2f}   kurtosis {fourth / spread**4:.1f}"
    title = f"expected value {mean:.2f}   standard deviation {spread:.2f}<br>{shape}   central moment {k}: {float(data['moment']):.4g}"
    figure.update_xaxes(range=[-0.6, len(p) - 0.4], dtick=1, showgrid=False, zeroline=False)
    figure.update_layout(
        title={"text": title, "font": {"size": 15}},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": "#767676"},
        margin={"l": 65, "r": 15, "t": 70, "b": 50},
        height=560,
        bargap=0.25,
    )
    return figure
