"""Two paths down one valley: L-BFGS and plain descent, both with the same search for the length; below, their heights."""

import math

import torch

from groundup.authoring import slider

REACH, FLOOR = (2.4, 2.0), 1e-14
LANDS = ("straight valley", "bent valley", "two wells")

sliders = {
    "land": slider("function", choices=LANDS, start="bent valley"),
    "narrow": slider("steepness across ÷ along", 1, 100, step=1, start=30),
    "memory": slider("memory of L-BFGS", 1, 10, step=1, start=5),
    "steps": slider("steps", 0, 60, step=1, start=22),
}
needs_builds = ("backtracking_step", "lbfgs")
caption = (
    "Above: the function from above, dark is low, and two paths from one start. Orange: L-BFGS. Gray: minus the gradient, with the "
    "length that backtracking finds. Below: the height above the lowest place after each step. L-BFGS begins like plain descent, "
    "because it knows nothing; after a few steps it has measured the valley, and its height falls off steeply."
)


def _land(name, narrow):
    """f of places (..., 2), with its gradient at one, its start and its lowest height."""
    if name == "straight valley":
        turn = torch.tensor([[math.cos(0.5), math.sin(0.5)], [-math.sin(0.5), math.cos(0.5)]], dtype=torch.float64)
        matrix = turn.T @ torch.diag(torch.tensor([1.0, float(narrow)], dtype=torch.float64)) @ turn
        return lambda x: ((x @ matrix) * x).sum(-1) / 2, lambda x: matrix @ x, (-1.9, 1.5)
    if name == "bent valley":
        f = lambda x: (1 - x[..., 0]) ** 2 + narrow * (x[..., 1] - x[..., 0] ** 2 + 0.5) ** 2
        bend = lambda x: 2 * narrow * (x[1] - x[0] ** 2 + 0.5)
        return f, lambda x: torch.stack([2 * (x[0] - 1) - 2 * x[0] * bend(x), bend(x)]), (-1.5, 1.4)
    f = lambda x: (x[..., 0] ** 2 - 1) ** 2 + narrow * (x[..., 1] - x[..., 0] / 2) ** 2 / 2
    tilt = lambda x: narrow * (x[1] - x[0] / 2)
    return f, lambda x: torch.stack([4 * x[0] * (x[0] ** 2 - 1) - tilt(x) / 2, tilt(x)]), (-0.05, 1.6)


def _plain(my, f, grad, start, steps):
    path = [start]
    for _ in range(steps):
        g = grad(path[-1])
        if float(g.norm()) < 1e-9:
            break
        path.append(path[-1] - my.backtracking_step(f, grad, path[-1], -g) * g)
    return torch.stack(path)


def compute(my, land, narrow, memory, steps):
    f, grad, start = _land(land, narrow)
    start, calls = torch.tensor(start, dtype=torch.float64), []

    def noted(x):
        calls.append(x.clone())
        return grad(x)

    # One run gives the whole path: the gradient is asked for once at each place.
    end = my.lbfgs(f, noted, start, int(memory), int(steps))
    places = torch.stack([start, *calls[1:], end])[: int(steps) + 1]
    x, y = (torch.linspace(-reach, reach, 49, dtype=torch.float64) for reach in REACH)
    ground = torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1)
    plain = _plain(my, f, grad, start, int(steps))
    return {
        "x": x,
        "y": y,
        "land": f(ground).clamp_min(0).sqrt().sqrt(),
        "paths": [places.clamp(-1e3, 1e3), plain.clamp(-1e3, 1e3)],
        "heights": [f(places).clamp(FLOOR, 1e9), f(plain).clamp(FLOOR, 1e9)],
    }


STYLES = (("L-BFGS", "#ff922b", "circle", 3), ("plain", "#ced4da", "diamond", 2))


def _map(figure, data):
    import plotly.graph_objects as go

    ground = go.Contour(
        x=[float(v) for v in data["x"]], y=[float(v) for v in data["y"]],
        z=[[float(v) for v in row] for row in data["land"]], colorscale="Viridis", ncontours=18, showscale=False,
        line={"width": 1, "color": "rgba(255,255,255,.3)"}, hoverinfo="skip",
    )  # fmt: skip
    figure.add_trace(ground, row=1, col=1)
    for path, (name, color, symbol, width) in reversed(list(zip(data["paths"], STYLES))):
        line = go.Scatter(
            x=[float(place[0]) for place in path], y=[float(place[1]) for place in path], mode="lines+markers",
            name=name, showlegend=False, line={"color": color, "width": width},
            marker={"size": 7, "symbol": symbol, "color": color, "line": {"color": "#212529", "width": 0.7}},
            customdata=list(range(len(path))),
            hovertemplate=name + " after %{customdata}: (%{x:.3f}, %{y:.3f})<extra></extra>",
        )  # fmt: skip
        figure.add_trace(line, row=1, col=1)
    figure.update_xaxes(range=[-REACH[0], REACH[0]], title="first weight", showgrid=False, zeroline=False, row=1, col=1)
    figure.update_yaxes(
        range=[-REACH[1], REACH[1]], title="second weight", showgrid=False, zeroline=False, row=1, col=1
    )


def _curves(figure, data):
    import plotly.graph_objects as go

    for heights, (name, _, symbol, _), color in zip(data["heights"], STYLES, ("#e8590c", "#868e96")):
        curve = go.Scatter(
            x=list(range(len(heights))), y=[float(value) for value in heights], mode="lines+markers", name=name,
            line={"color": color, "width": 2}, marker={"size": 6, "symbol": symbol, "color": color},
            hovertemplate=name + " after %{x} steps: %{y:.3g}<extra></extra>",
        )  # fmt: skip
        figure.add_trace(curve, row=2, col=1)
    figure.update_xaxes(title="steps", gridcolor="rgba(134,142,150,.2)", zeroline=False, row=2, col=1)
    figure.update_yaxes(
        title="height", type="log", gridcolor="rgba(134,142,150,.2)", exponentformat="power", nticks=6, row=2, col=1
    )


def draw(data):
    from plotly.subplots import make_subplots

    figure = make_subplots(rows=2, cols=1, row_heights=[0.62, 0.38], vertical_spacing=0.13)
    _map(figure, data)
    _curves(figure, data)
    ends = [float(heights[-1]) for heights in data["heights"]]
    title = f"height at the end: L-BFGS {ends[0]:.2g}, plain {ends[1]:.2g}"
    figure.update_layout(
        title={"text": title, "font": {"size": 15}},
        legend={"orientation": "h", "y": -0.1, "x": 0.5, "xanchor": "center", "yanchor": "top"},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": "#767676"},
        margin={"l": 65, "r": 15, "t": 50, "b": 80},
        height=720,
    )
    return figure
