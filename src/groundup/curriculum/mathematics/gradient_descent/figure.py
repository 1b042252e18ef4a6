"""Three paths down one valley from above; below, their losses step by step."""

import math

import torch

from groundup.authoring import slider

REACH, TURN = (3.2, 2.6), math.radians(25)
START = (-1.85, 2.2)
SHOWN = 1e6

sliders = {
    "condition": slider("steepness across ÷ steepness along", 1, 60, step=1, start=25),
    "rate": slider("learning rate, in percent of the border 2/λ", 5, 105, step=5, start=65),
    "beta": slider("beta: the share of the velocity that is kept", 0.0, 0.95, step=0.05, start=0.6),
    "steps": slider("steps", 1, 60, step=1, start=25),
}
needs_builds = ("gradient_descent", "momentum_descent", "nesterov_descent")
caption = (
    "Above: a valley that lies askew, with its lowest place in the middle, and three paths from one start, with one rate and "
    "one number of steps. Below: the height above the lowest place after each step, on a scale of powers of ten. "
    "At 100 percent the plain path jumps between the walls for ever, and beyond that it runs away. Nesterov's variant runs away "
    "sooner, momentum later. With a large beta the momentum path overshoots, and the look ahead damps that."
)


def _matrix(condition):
    """Curvature 1 along the valley, ``condition`` across it, turned by TURN."""
    along = torch.tensor([math.cos(TURN), -math.sin(TURN)], dtype=torch.float64)
    across = torch.tensor([math.sin(TURN), math.cos(TURN)], dtype=torch.float64)
    return torch.outer(along, along) + condition * torch.outer(across, across)


def _height(places, matrix):
    return ((places @ matrix) * places).sum(-1) / 2


def compute(my, condition, rate, beta, steps):
    matrix, start, steps = _matrix(condition), torch.tensor(START, dtype=torch.float64), int(steps)
    lr = 2 * rate / 100 / max(condition, 1.0)
    grad = lambda x: matrix @ x
    paths = [
        my.gradient_descent(grad, start, lr, steps),
        my.momentum_descent(grad, start, lr, beta, steps),
        my.nesterov_descent(grad, start, lr, beta, steps),
    ]
    x, y = (torch.linspace(-reach, reach, 41, dtype=torch.float64) for reach in REACH)
    land = torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1)
    return {
        "x": x,
        "y": y,
        "land": torch.sqrt(_height(land, matrix)),
        "paths": [path.clamp(-SHOWN, SHOWN) for path in paths],
        "heights": [_height(path, matrix).clamp(1e-16, SHOWN) for path in paths],
        "lr": lr,
    }


# Name, color, dash, marker: told apart without color as well.
STYLES = (
    ("plain", "#f8f9fa", "solid", "circle", "#868e96"),
    ("momentum", "#ff922b", "solid", "diamond", "#e8590c"),
    ("nesterov", "#ff6ad5", "dot", "square", "#c2255c"),
)


def _map(figure, data):
    import plotly.graph_objects as go

    land = go.Contour(
        x=[float(v) for v in data["x"]], y=[float(v) for v in data["y"]],
        z=[[float(v) for v in row] for row in data["land"]], colorscale="Viridis", ncontours=18, showscale=False,
        line={"width": 1, "color": "rgba(255,255,255,.3)"}, hoverinfo="skip",
    )  # fmt: skip
    figure.add_trace(land, row=1, col=1)
    for path, (name, color, dash, marker, below) in zip(data["paths"], STYLES):
        line = go.Scatter(
            x=[float(place[0]) for place in path], y=[float(place[1]) for place in path], mode="lines+markers",
            name=name, showlegend=False, line={"color": color, "width": 2, "dash": dash},
            marker={"size": 6, "symbol": marker, "color": color, "line": {"color": "#212529", "width": 0.7}},
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

    lowest = min(min(float(value) for value in heights) for heights in data["heights"])
    highest = max(max(float(value) for value in heights) for heights in data["heights"])
    for heights, (name, _, dash, marker, color) in zip(data["heights"], STYLES):
        curve = go.Scatter(
            x=list(range(len(heights))), y=[float(value) for value in heights], mode="lines+markers", name=name,
            line={"color": color, "width": 2, "dash": dash}, marker={"size": 6, "symbol": marker, "color": color},
            hovertemplate=name + " after %{x} steps: %{y:.3g}<extra></extra>",
        )  # fmt: skip
        figure.add_trace(curve, row=2, col=1)
    figure.update_xaxes(title="steps", gridcolor="rgba(134,142,150,.2)", zeroline=False, row=2, col=1)
    figure.update_yaxes(
        title="height", type="log", range=[math.floor(math.log10(lowest) - 0.2), math.ceil(math.log10(highest) + 0.2)],
        gridcolor="rgba(134,142,150,.2)", exponentformat="power", nticks=6, row=2, col=1,
    )  # fmt: skip


def _said(name, heights):
    last = float(heights[-1])
    return f"{name} {'ran away' if last > 1e3 else f'{last:.1g}'}"


def draw(data):
    from plotly.subplots import make_subplots

    figure = make_subplots(rows=2, cols=1, row_heights=[0.62, 0.38], vertical_spacing=0.13)
    _map(figure, data)
    _curves(figure, data)
    ends = ", ".join(_said(style[0], heights) for style, heights in zip(STYLES, data["heights"]))
    title = f"rate {float(data['lr']):.3f}; height after {len(data['heights'][0]) - 1} steps:<br>{ends}"
    figure.update_layout(
        title={"text": title, "font": {"size": 15}},
        legend={"orientation": "h", "y": -0.1, "x": 0.5, "xanchor": "center", "yanchor": "top"},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": "#767676"},
        margin={"l": 65, "r": 15, "t": 65, "b": 80},
        height=720,
    )
    return figure
