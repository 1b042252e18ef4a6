"""Lengths of documents, a normal curve to be moved by hand, and how likely each choice of its two parameters is."""

import math

import torch

from groundup.authoring import slider

LENGTHS = (31.0, 24.0, 40.0, 28.0, 35.0, 37.0, 22.0, 33.0, 26.0, 44.0, 30.0, 29.0)
sliders = {
    "mean": slider("mean of the curve", 18.0, 46.0, step=0.5, start=38.0),
    "std": slider("standard deviation of the curve", 2.0, 16.0, step=0.25, start=5.0),
    "count": slider("documents counted", 2, 12, step=1, start=6),
}
needs_builds = ("fit_normal", "negative_log_likelihood")
caption = (
    "Above: the words in each document, with the curve's density at each. The likelihood is the product of these heights: one low stick "
    "spoils it. Below: minus its logarithm for every choice of mean and standard deviation, above that of the best choice (dot). "
    "Bring the cross onto the dot. A curve that is too narrow costs far more than one that is too wide. With more documents the "
    "valley becomes steeper: fewer choices remain that are nearly as likely."
)
MEANS, SPREADS = (18.0, 46.0, 57), (2.0, 16.0, 57)
HIGHEST = 12.0


def _log_density(x, mean, std):
    return -0.5 * ((x - mean) / std) ** 2 - torch.log(std) - 0.5 * math.log(2 * math.pi)


def compute(my, mean, std, count):
    x = torch.tensor(LENGTHS[: int(count)], dtype=torch.float64)
    means, spreads = torch.linspace(*MEANS, dtype=torch.float64), torch.linspace(*SPREADS, dtype=torch.float64)
    best_mean, best_std = my.fit_normal(x)
    here = torch.tensor([mean, std], dtype=torch.float64)
    every = _log_density(x, means[:, None], spreads[:, None, None])  # (spreads, means, samples)
    line = torch.linspace(10.0, 54.0, 177, dtype=torch.float64)
    return {
        "x": x,
        "heights": _log_density(x, *here).exp(),
        "line": line,
        "curve": _log_density(line, *here).exp(),
        "surface": my.negative_log_likelihood(every),
        "here": my.negative_log_likelihood(_log_density(x, *here)),
        "best": my.negative_log_likelihood(_log_density(x, best_mean, best_std)),
        "at": here,
        "best_at": torch.stack([best_mean, best_std]),
    }


BLUE, ORANGE, GRAY = "#1c7ed6", "#d9480f", "#868e96"


def _curve(figure, data):
    import plotly.graph_objects as go

    x, heights = [float(v) for v in data["x"]], [float(v) for v in data["heights"]]
    sticks_x = [v for one in x for v in (one, one, None)]
    sticks_y = [v for one in heights for v in (0.0, one, None)]
    figure.add_trace(
        go.Scatter(
            x=[float(v) for v in data["line"]], y=[float(v) for v in data["curve"]], mode="lines", hoverinfo="skip",
            line={"color": ORANGE, "width": 3}, showlegend=False,
        ),
        row=1, col=1,
    )  # fmt: skip
    figure.add_trace(
        go.Scatter(
            x=sticks_x, y=sticks_y, mode="lines", line={"color": BLUE, "width": 2}, hoverinfo="skip", showlegend=False
        ),
        row=1, col=1,
    )  # fmt: skip
    figure.add_trace(
        go.Scatter(
            x=x, y=heights, mode="markers", marker={"size": 9, "color": BLUE}, showlegend=False,
            hovertemplate="%{x:.0f} words, density %{y:.4f}<extra></extra>",
        ),
        row=1, col=1,
    )  # fmt: skip
    top = max(0.09, max(float(v) for v in data["curve"]) * 1.1)
    figure.update_xaxes(title="words in a document", range=[10, 54], showgrid=False, zeroline=False, row=1, col=1)
    figure.update_yaxes(title="density", range=[0, top], gridcolor="rgba(134,142,150,.2)", row=1, col=1)


def _valley(figure, data):
    import plotly.graph_objects as go

    best = float(data["best"])
    means, spreads = ([low + (high - low) * i / (n - 1) for i in range(int(n))] for low, high, n in (MEANS, SPREADS))
    above = [[min(float(v) - best, HIGHEST) for v in row] for row in data["surface"]]
    figure.add_trace(
        go.Contour(
            z=above, x=means, y=spreads, contours={"start": 0, "end": HIGHEST, "size": 1.0}, colorscale="Cividis",
            reversescale=True, line={"width": 0.5, "color": "#ffffff"},
            colorbar={"title": {"text": "above<br>the best"}, "len": 0.55, "y": 0.26, "thickness": 12, "outlinewidth": 0},
            hovertemplate="mean %{x:.1f}, deviation %{y:.1f}: %{z:.2f} above the best<extra></extra>",
        ),
        row=2, col=1,
    )  # fmt: skip
    for name, place, mark in (
        ("most likely", data["best_at"], {"size": 12, "color": BLUE, "line": {"color": "#ffffff", "width": 2}}),
        (
            "your curve",
            data["at"],
            {"size": 13, "color": ORANGE, "symbol": "x", "line": {"color": "#ffffff", "width": 1}},
        ),
    ):
        figure.add_trace(
            go.Scatter(
                x=[float(place[0])], y=[float(place[1])], mode="markers", name=name, marker=mark,
                hovertemplate=f"{name}: mean %{{x:.2f}}, deviation %{{y:.2f}}<extra></extra>",
            ),
            row=2, col=1,
        )  # fmt: skip
    figure.update_xaxes(title="mean", range=list(MEANS[:2]), showgrid=False, zeroline=False, row=2, col=1)
    figure.update_yaxes(title="standard deviation", range=list(SPREADS[:2]), showgrid=False, row=2, col=1)


def draw(data):
    from plotly.subplots import make_subplots

    figure = make_subplots(rows=2, cols=1, row_heights=[0.42, 0.58], vertical_spacing=0.15)
    _curve(figure, data)
    _valley(figure, data)
    title = f"minus log-likelihood {float(data['here']):.2f}, at best {float(data['best']):.2f}"
    figure.update_layout(
        title={"text": title, "font": {"size": 15}},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": "#767676"},
        margin={"l": 65, "r": 15, "t": 50, "b": 95},
        height=640,
        legend={"orientation": "h", "y": -0.13, "yanchor": "top"},
    )
    return figure
