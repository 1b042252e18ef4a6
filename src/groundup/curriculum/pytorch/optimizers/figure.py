"""Four optimizers on their way down one valley: how steep, how turned, and how fast."""

import math

import torch

from groundup.authoring import slider

STEPS = 40
START = (-4.0, 2.6)
RATES = {"SGD": 0.085, "SGD with momentum": 0.04, "RMSprop": 0.12, "Adam": 0.4}

sliders = {
    "rate": slider("learning rates multiplied by", 0.25, 3.0, step=0.25, start=1.0),
    "steepness": slider("valley steeper across than along by", 1, 40, step=1, start=20),
    "turn": slider("valley turned by (degrees)", 0, 45, step=5, start=0),
}
needs_builds = ("SGD", "RMSprop", "Adam")
caption = (
    "Forty steps of each optimizer from the same point, with a usual learning rate for each, times a factor. Above: their ways "
    "over the loss, whose least point is the cross; lines join places of equal loss. Below: how far from the least the loss is "
    "after each step. SGD crawls along the valley, and at a higher rate it jumps across it and is lost; momentum gets through "
    "faster and swings. RMSprop and Adam scale the two coordinates by themselves, and take nearly the same way however steep the "
    "valley is, as long as it runs along a coordinate. Turn it, and that help is gone."
)


def _valley(steepness, turn):
    """The matrix A of the loss 1/2 x A x: 1 along the valley, steepness across."""
    angle = math.radians(turn)
    along = torch.tensor([math.cos(angle), math.sin(angle)])
    across = torch.tensor([-math.sin(angle), math.cos(angle)])
    return torch.outer(along, along) + steepness * torch.outer(across, across)


def compute(my, rate, steepness, turn):
    matrix = _valley(steepness, turn)
    angle = math.radians(turn)
    turned = torch.tensor([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    start = turned @ torch.tensor(START)
    makers = {
        "SGD": lambda params, lr: my.SGD(params, lr),
        "SGD with momentum": lambda params, lr: my.SGD(params, lr, momentum=0.8),
        "RMSprop": lambda params, lr: my.RMSprop(params, lr, alpha=0.9),
        "Adam": lambda params, lr: my.Adam(params, lr, betas=(0.8, 0.95)),
    }
    ways = {}
    for name, make in makers.items():
        place = start.clone().requires_grad_()
        optimizer = make([place], RATES[name] * rate)
        way = [start.clone()]
        for _ in range(STEPS):
            place.grad = matrix @ way[-1]
            optimizer.step()
            way.append(place.detach().clone().clamp(-1e6, 1e6))
        ways[name] = torch.stack(way)
    losses = {name: 0.5 * torch.einsum("si,ij,sj->s", way, matrix, way) for name, way in ways.items()}
    return {"matrix": matrix, "ways": ways, "losses": losses, "steepness": steepness, "turn": turn}


def _surface(figure, data):
    """Lines of equal loss, equally far apart in its root."""
    import plotly.graph_objects as go

    axis = [-5.5 + 0.22 * i for i in range(51)]
    (a, b), (_, d) = [[float(value) for value in row] for row in data["matrix"]]
    heights = [[math.sqrt(0.5 * (a * x * x + 2 * b * x * y + d * y * y)) for x in axis] for y in axis]
    contour = go.Contour(
        x=axis, y=axis, z=heights, showscale=False, contours={"coloring": "lines", "start": 1.0, "end": 20.0, "size": 1.5},
        line={"width": 1}, colorscale=[[0, "rgba(134,142,150,.7)"], [1, "rgba(134,142,150,.7)"]], hoverinfo="skip",
    )  # fmt: skip
    figure.add_trace(contour, row=1, col=1)


def draw(data):
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    colors = {"SGD": "#868e96", "SGD with momentum": "#2b8a3e", "RMSprop": "#d9480f", "Adam": "#1c7ed6"}
    symbols = {"SGD": "circle", "SGD with momentum": "square", "RMSprop": "triangle-up", "Adam": "diamond"}
    figure = make_subplots(rows=2, cols=1, row_heights=[0.64, 0.36], vertical_spacing=0.11)
    _surface(figure, data)
    best, least = "", math.inf
    for name, color in colors.items():
        way = [[float(value) for value in place] for place in data["ways"][name]]
        trace = go.Scatter(
            x=[x for x, _ in way], y=[y for _, y in way], name=name, mode="lines+markers",
            line={"color": color, "width": 2}, marker={"size": 6, "symbol": symbols[name]},
            text=[f"step {number}" for number in range(len(way))], hovertemplate="%{text}: (%{x:.2f}, %{y:.2f})",
        )  # fmt: skip
        figure.add_trace(trace, row=1, col=1)
        losses = [float(value) for value in data["losses"][name]]
        if losses[-1] < least:
            best, least = name, losses[-1]
        curve = go.Scatter(
            x=list(range(len(losses))), y=[math.log10(max(loss, 1e-12)) for loss in losses], name=name, mode="lines",
            customdata=losses, showlegend=False, line={"color": color, "width": 2},
            hovertemplate="step %{x}: %{customdata:.3g}",
        )  # fmt: skip
        figure.add_trace(curve, row=2, col=1)
    cross = go.Scatter(
        x=[0], y=[0], mode="markers", showlegend=False, hoverinfo="skip",
        marker={"symbol": "x-thin", "size": 14, "line": {"width": 3, "color": "#868e96"}},
    )  # fmt: skip
    figure.add_trace(cross, row=1, col=1)
    grid = {"gridcolor": "rgba(134,142,150,.2)", "zeroline": False}
    figure.update_xaxes(title={"text": "first parameter", "standoff": 4}, range=[-5.5, 5.5], row=1, col=1, **grid)
    figure.update_yaxes(title="second parameter", range=[-5.5, 5.5], row=1, col=1, **grid)
    figure.update_xaxes(title="step", range=[0, STEPS], row=2, col=1, **grid)
    ticks = [-8, -6, -4, -2, 0, 2, 4]
    figure.update_yaxes(
        title="loss", range=[-8.5, 4.5], tickvals=ticks, row=2, col=1,
        ticktext=[f"10<sup>{tick}</sup>" if tick else "1" for tick in ticks], **grid,
    )  # fmt: skip
    figure.update_layout(
        title={"text": f"lowest after {STEPS} steps: {best}, loss {least:.2g}", "font": {"size": 15}},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": "#767676"},
        margin={"l": 60, "r": 15, "t": 95, "b": 45},
        height=760,
        legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0.5, "xanchor": "center"},
    )
    return figure
