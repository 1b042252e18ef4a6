"""Points, the ellipse of their covariance and their correlation: what it sees of a line, and what it does not see of a curve."""

import math

import torch

from groundup.authoring import slider

SHAPES = ("line", "parabola", "two groups", "circle")

sliders = {
    "shape": slider("what the points follow", choices=SHAPES, start="line"),
    "noise": slider("noise around it", 0.0, 2.0, step=0.1, start=0.5),
    "slope": slider("slope of the line", -2.0, 2.0, step=0.1, start=1.0),
    "count": slider("points", 3, 150, step=1, start=60),
    "away": slider("one point pulled away", 0.0, 12.0, step=0.5, start=0.0),
}
needs_builds = ("RunningMoments", "covariance", "correlation")
caption = (
    "Above: the points, and the ellipse that their covariance matrix describes (two standard deviations wide). A line with "
    "little noise has a thin, tilted ellipse. The parabola and the circle tie y to x as closely, and their ellipse is "
    "not tilted. Pull one point away, and see how few honest points it takes to be overruled by it. Below: mean and "
    "standard deviation of y as a stream, after one point, two points, and so on."
)


def _points(shape, noise, slope, count):
    generator = torch.Generator().manual_seed(4)
    drawn = torch.randn(150, 3, generator=generator, dtype=torch.float64)[: int(count)]
    x, extra, blur = drawn[:, 0], drawn[:, 1], drawn[:, 2]
    if shape == "parabola":
        y = x.square() - 1
    elif shape == "two groups":
        side = torch.where(extra > 0, 1.5, -1.5)
        x, y = 0.5 * x + side, side.clone()
    elif shape == "circle":
        angle = math.pi * torch.special.erf(x / math.sqrt(2))
        x, y = 1.5 * angle.cos(), 1.5 * angle.sin()
    else:
        y = slope * x
    return torch.stack([x, y + noise * blur], dim=-1)


def compute(my, shape, noise, slope, count, away):
    points = _points(shape, noise, slope, count)
    points[0] = points[0] + torch.tensor([away, -away / 2], dtype=torch.float64)
    stream, means, variances = my.RunningMoments(), [], []
    for y in points[:, 1]:
        stream.update(y)
        means.append(stream.mean)
        variances.append(stream.variance)
    return {
        "points": points,
        "center": points.mean(dim=0),
        "covariance": my.covariance(points),
        "correlation": my.correlation(points)[0, 1],
        "means": torch.stack(means),
        "variances": torch.stack(variances),
        "away": away > 0,
    }


BLUE, ORANGE, GRAY = "#1c7ed6", "#d9480f", "#868e96"


def _ellipse(center, matrix):
    """Points two standard deviations away, in every direction."""
    (a, b), (_, d) = matrix
    first = math.sqrt(max(a, 0.0))
    below = b / first if first > 1e-12 else 0.0
    second = math.sqrt(max(d - below * below, 0.0))
    turns = [2 * math.pi * i / 72 for i in range(73)]
    xs = [center[0] + 2 * first * math.cos(t) for t in turns]
    ys = [center[1] + 2 * (below * math.cos(t) + second * math.sin(t)) for t in turns]
    return xs, ys


def _stream_panel(figure, means, variances):
    import plotly.graph_objects as go

    steps = list(range(1, len(means) + 1))
    spreads = [math.sqrt(v) if v == v and v >= 0 else None for v in variances]
    for sign, fill in ((1, None), (-1, "tonexty")):
        edge = go.Scatter(
            x=steps[1:], y=[m + sign * s if s is not None else None for m, s in zip(means[1:], spreads[1:])], mode="lines",
            line={"color": GRAY, "width": 1}, fill=fill, fillcolor="rgba(134,142,150,.2)", showlegend=False, hoverinfo="skip",
        )  # fmt: skip
        figure.add_trace(edge, row=2, col=1)
    line = go.Scatter(
        x=steps, y=means, mode="lines", line={"color": ORANGE, "width": 2}, showlegend=False,
        hovertemplate="after %{x}: mean %{y:.3f}<extra></extra>",
    )  # fmt: skip
    figure.add_trace(line, row=2, col=1)
    figure.update_xaxes(title="points seen", showgrid=False, zeroline=False, row=2, col=1)
    figure.update_yaxes(title="mean of y ± spread", gridcolor="rgba(134,142,150,.2)", row=2, col=1)


def draw(data):
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    points = [[float(v) for v in row] for row in data["points"]]
    matrix = [[float(v) for v in row] for row in data["covariance"]]
    center = [float(v) for v in data["center"]]
    figure = make_subplots(rows=2, cols=1, row_heights=[0.68, 0.32], vertical_spacing=0.12)
    xs, ys = _ellipse(center, matrix)
    colors = [ORANGE if i == 0 and data["away"] else BLUE for i in range(len(points))]
    dots = go.Scatter(
        x=[p[0] for p in points], y=[p[1] for p in points], mode="markers", showlegend=False,
        marker={"size": 7, "color": colors, "opacity": 0.8}, hovertemplate="%{x:.2f}, %{y:.2f}<extra></extra>",
    )  # fmt: skip
    ring = go.Scatter(x=xs, y=ys, mode="lines", line={"color": GRAY, "width": 2}, showlegend=False, hoverinfo="skip")
    figure.add_trace(dots, row=1, col=1)
    figure.add_trace(ring, row=1, col=1)
    figure.update_xaxes(title="x", gridcolor="rgba(134,142,150,.2)", zeroline=False, row=1, col=1)
    figure.update_yaxes(title="y", gridcolor="rgba(134,142,150,.2)", zeroline=False, row=1, col=1)
    _stream_panel(figure, [float(v) for v in data["means"]], [float(v) for v in data["variances"]])
    title = (
        f"correlation {float(data['correlation']):.3f}   covariance {matrix[0][1]:.2f}<br>"
        f"variances {matrix[0][0]:.2f} and {matrix[1][1]:.2f}"
    )
    figure.update_layout(
        title={"text": title, "font": {"size": 15}},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": "#767676"},
        margin={"l": 60, "r": 15, "t": 65, "b": 50},
        height=640,
    )
    return figure
