"""A cloud of points with its principal components, and its covariance matrix as a map that power iteration walks with."""

import math

import torch

from groundup.authoring import slider

sliders = {
    "along": slider("spread along", 0.1, 1.4, step=0.1, start=1.3),
    "across": slider("spread across", 0.0, 1.4, step=0.1, start=0.8),
    "angle": slider("angle of the cloud (degrees)", -90, 90, step=5, start=25),
    "steps": slider("steps", 0, 12, step=1, start=3),
}
SEED = 46  # begins far from both directions
needs_builds = ("power_iteration", "qr_eigenvalues", "pca")
caption = (
    "Left: points and their two principal components, each as long as twice the spread along it. Right: the covariance matrix of these points as "
    "a map. It takes the gray circle to the blue ellipse, whose axes are the same two directions. The orange dots are power iteration, "
    "beginning at 0: each step applies the map and goes back to the circle. Make both spreads nearly equal and it hardly moves; make them "
    "differ more and two or three steps are enough. The two small squares on the axes of the ellipse are what the QR iteration says after as many steps."
)


def _even(count=60):
    """Points with the mean 0 and the identity as covariance matrix."""
    drawn = torch.randn(count, 2, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    drawn = drawn - drawn.mean(dim=0)
    return torch.linalg.qr(drawn).Q * math.sqrt(count - 1)


def compute(my, along, across, angle, steps):
    turn = math.radians(angle)
    axes = torch.tensor([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]], dtype=torch.float64)
    points = (_even() * torch.tensor([along, across], dtype=torch.float64)) @ axes
    components, variances = my.pca(points, 2)
    covariance = (axes.T * torch.tensor([along**2, across**2], dtype=torch.float64)) @ axes
    walk, values = [], []
    for count in range(int(steps) + 1):
        value, vector = my.power_iteration(covariance, count, torch.Generator().manual_seed(SEED))
        walk.append(vector)
        values.append(value)
    around = torch.linspace(0, 2 * math.pi, 73, dtype=torch.float64)
    circle = torch.stack([around.cos(), around.sin()], dim=1)
    return {
        "points": points,
        "components": components,
        "variances": variances,
        "walk": torch.stack(walk),
        "value": values[-1],
        "by_qr": my.qr_eigenvalues(covariance, int(steps)),
        "circle": circle,
        "image": circle @ covariance,
    }


def draw(data):
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    blue, orange, green, gray = "#1c7ed6", "#d9480f", "#2b8a3e", "#868e96"
    figure = make_subplots(rows=1, cols=2, subplot_titles=["points", "the matrix as a map"])
    lists = {
        name: [[float(x) for x in row] for row in data[name]]
        for name in ("points", "components", "walk", "circle", "image")
    }
    variances = [float(x) for x in data["variances"]]
    quiet = {"showlegend": False, "hoverinfo": "skip"}

    def line(places, color, col, **style):
        x, y = zip(*places)
        figure.add_trace(
            go.Scatter(x=x, y=y, mode="lines", line={"color": color, "width": 2, **style}, **quiet), row=1, col=col
        )

    x, y = zip(*lists["points"])
    figure.add_trace(
        go.Scatter(x=x, y=y, mode="markers", marker={"color": blue, "size": 6, "opacity": 0.6}, **quiet), row=1, col=1
    )
    for (u, v), variance, color in zip(lists["components"], variances, (green, gray)):
        reach = 2 * math.sqrt(variance)
        line([(-reach * u, -reach * v), (reach * u, reach * v)], color, 1, width=4)
        line([(-3 * u, -3 * v), (3 * u, 3 * v)], color, 2, width=1, dash="dash")
    line(lists["circle"], gray, 2)
    line(lists["image"], blue, 2)
    squares = [(value * u, value * v) for (u, v), value in zip(lists["components"], (float(x) for x in data["by_qr"]))]
    x, y = zip(*squares)
    figure.add_trace(
        go.Scatter(
            x=x, y=y, mode="markers", marker={"color": green, "size": 10, "symbol": "square"}, showlegend=False,
            hovertemplate="QR iteration: (%{x:.2f}, %{y:.2f})<extra></extra>",
        ),
        row=1, col=2,
    )  # fmt: skip
    walk = lists["walk"]
    for begin, end in zip(walk, walk[1:]):
        if sum(one * other for one, other in zip(begin, end)) > 0:
            line([begin, end], orange, 2, width=1)
    x, y = zip(*walk)
    last = len(walk) - 1
    shown = [f"<b>{i}</b>" if i in (0, 1, 2, last) else "" for i in range(len(walk))]
    figure.add_trace(
        go.Scatter(
            x=[1.22 * one for one in x], y=[1.22 * one for one in y], mode="text", text=shown,
            textfont={"color": orange, "size": 14}, **quiet,
        ),
        row=1, col=2,
    )  # fmt: skip
    figure.add_trace(
        go.Scatter(
            x=x, y=y, mode="markers", marker={"color": orange, "size": 9}, showlegend=False,
            hovertemplate="(%{x:.3f}, %{y:.3f})<extra></extra>",
        ),
        row=1, col=2,
    )  # fmt: skip
    for col, reach, tick in ((1, 3.9, 2), (2, 2.3, 1)):
        bounds = {"range": [-reach, reach], "zeroline": True, "zerolinecolor": gray, "showgrid": False, "dtick": tick}
        figure.update_xaxes(constrain="domain", tickangle=0, row=1, col=col, **bounds)
        figure.update_yaxes(constrain="domain", scaleanchor="x" if col == 1 else "x2", row=1, col=col, **bounds)
    figure.update_annotations(font={"size": 13})
    by_qr = ", ".join(f"{float(x):.3f}" for x in data["by_qr"])
    title = (
        f"variances: {variances[0]:.3f}, {variances[1]:.3f}<br>"
        f"{last} step{'' if last == 1 else 's'}: power iteration {float(data['value']):.3f}, QR {by_qr}"
    )
    figure.update_layout(
        title={"text": title, "font": {"size": 13}, "y": 0.97, "yanchor": "top"},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": "#767676"},
        margin={"l": 35, "r": 10, "t": 95, "b": 30},
        height=440,
    )
    return figure
