"""A landscape with its quadratic model, own directions and Newton's step; below, a small square and what a map makes of it."""

import math

import torch

from groundup.authoring import slider

LANDSCAPES = {
    "valley": lambda v: v[0] ** 2 + 4 * v[1] ** 2 + v[0] * v[1],
    "saddle": lambda v: v[0] ** 2 - v[1] ** 2 + 0.3 * v[0],
    "curved valley": lambda v: (1 - v[0]) ** 2 + 3 * (v[1] - v[0] ** 2) ** 2,
    "hills": lambda v: torch.sin(1.5 * v[0]) * torch.cos(1.5 * v[1]) + 0.1 * v[0],
}
MAPS = {
    "turn and stretch": lambda v: torch.stack([1.2 * v[0] - 0.6 * v[1], 0.4 * v[0] + 0.9 * v[1]]),
    "polar coordinates": lambda v: torch.stack([v[0] * torch.cos(v[1]), v[0] * torch.sin(v[1])]),
    "square of a complex number": lambda v: torch.stack([v[0] ** 2 - v[1] ** 2, 2 * v[0] * v[1]]),
    "tanh of a mixture": lambda v: torch.tanh(torch.stack([v[0] + v[1], v[0] - 0.5 * v[1]])),
}
REACH, CELLS = 2.0, 41

sliders = {
    "landscape": slider("landscape", choices=tuple(LANDSCAPES), start="curved valley"),
    "map": slider("map", choices=tuple(MAPS), start="polar coordinates"),
    "x": slider("x", -1.8, 1.8, step=0.1, start=0.8),
    "y": slider("y", -1.8, 1.8, step=0.1, start=-0.6),
    "size": slider("side of the square", 0.1, 1.0, step=0.1, start=0.7),
}
needs_builds = ("jacobian", "hessian")
caption = (
    "Above: a landscape as a map of heights; the green lines are the Hessian's own directions at (x, y), with the bend along "
    "each, and the arrow is Newton's step, to where the quadratic model is level: the bottom in the valley, but the middle in the "
    "saddle, and among the hills wherever it happens. Below: what the map makes of a square around (x, y), in orange, and what "
    "the Jacobian alone makes of it, dashed. The smaller the square, the better they agree; the determinant is how many times "
    "larger it becomes."
)


def _square(x, y, side):
    """Places along the edge of a square, (n, 2)."""
    half, n = side / 2, 12
    walk = [(-half + side * k / n, -half) for k in range(n)] + [(half, -half + side * k / n) for k in range(n)]
    walk += [(-a, -b) for a, b in walk] + walk[:1]
    return torch.tensor([(x + a, y + b) for a, b in walk], dtype=torch.float64)


def compute(my, landscape, map, x, y, size):  # noqa: A002
    f, g = LANDSCAPES[landscape], MAPS[map]
    at = torch.tensor([x, y], dtype=torch.float64)
    axis = torch.linspace(-REACH, REACH, CELLS, dtype=torch.float64)
    grid = torch.stack(torch.meshgrid(axis, axis, indexing="xy"))
    slopes, bends, matrix = my.jacobian(f, at), my.hessian(f, at), my.jacobian(g, at)
    values, directions = torch.linalg.eigh((bends + bends.T) / 2)
    newton = -torch.linalg.pinv(bends) @ slopes
    edge = _square(float(x), float(y), float(size))
    return {
        "at": at, "axis": axis, "heights": f(grid), "slopes": slopes, "hessian": bends, "bends": values,
        "directions": directions, "newton": newton, "jacobian": matrix, "determinant": float(torch.linalg.det(matrix)),
        "edge": edge, "image": g(edge.T).T, "flat": g(at) + (edge - at) @ matrix.T,
    }  # fmt: skip


BLUE, ORANGE, GREEN, GRAY = "#1c7ed6", "#d9480f", "#2b8a3e", "#868e96"


def _landscape(figure, data):
    import plotly.graph_objects as go

    (x, y), axis = (float(one) for one in data["at"]), [float(one) for one in data["axis"]]
    heights = [[float(one) for one in row] for row in data["heights"]]
    figure.add_trace(
        go.Contour(
            x=axis, y=axis, z=[[math.asinh(one) for one in row] for row in heights], ncontours=22, colorscale="Cividis",
            text=heights, showscale=False, line={"width": 0.6},  # asinh: the floor of a deep valley is to be seen
            hovertemplate="f(%{x:.2f}, %{y:.2f}) = %{text:.3f}<extra></extra>",
        ),
        row=1, col=1,
    )  # fmt: skip
    for k in range(2):
        bend, a, b = float(data["bends"][k]), *(float(data["directions"][i][k]) for i in range(2))
        reach = min(0.25 + 0.25 * math.sqrt(abs(bend)), 1.2)
        line = go.Scatter(
            x=[x - reach * a, x + reach * a], y=[y - reach * b, y + reach * b], mode="lines+text", showlegend=k == 0,
            name="own directions", line={"color": "#51cf66", "width": 3, "dash": "solid" if bend >= 0 else "dot"},
            text=["", f"{bend:+.2f}"], textposition="top center", textfont={"color": "#ffffff", "size": 13},
            hoverinfo="skip",
        )  # fmt: skip
        figure.add_trace(line, row=1, col=1)
    step = [float(one) for one in data["newton"]]
    arrow = go.Scatter(
        x=[x, x + step[0]], y=[y, y + step[1]], mode="lines+markers", name="Newton's step",
        line={"color": ORANGE, "width": 3}, marker={"size": [11, 11], "color": ORANGE, "symbol": ["circle", "diamond"]},
        hovertemplate="(%{x:.3f}, %{y:.3f})<extra></extra>",
    )  # fmt: skip
    figure.add_trace(arrow, row=1, col=1)
    figure.update_xaxes(range=[-REACH, REACH], title="x", constrain="domain", row=1, col=1)
    figure.update_yaxes(
        range=[-REACH, REACH], title="y", constrain="domain", scaleanchor="x", scaleratio=1, row=1, col=1
    )


def _mapped(figure, data):
    import plotly.graph_objects as go

    kinds = (
        ("edge", "square", {"color": BLUE, "width": 2}),
        ("image", "its image", {"color": ORANGE, "width": 3}),
        ("flat", "by the Jacobian", {"color": ORANGE, "width": 2, "dash": "dash"}),
    )
    for key, name, line in kinds:
        places = [[float(one) for one in pair] for pair in data[key]]
        trace = go.Scatter(
            x=[a for a, _ in places], y=[b for _, b in places], mode="lines", name=name, line=line,
            fill="toself" if key != "flat" else None, opacity=0.8, hoverinfo="skip",
        )  # fmt: skip
        figure.add_trace(trace, row=2, col=1)
    grid = {"gridcolor": "rgba(134,142,150,.2)", "zeroline": True, "zerolinecolor": GRAY}
    figure.update_xaxes(row=2, col=1, **grid)
    figure.update_yaxes(scaleanchor="x2", scaleratio=1, row=2, col=1, **grid)


def draw(data):
    from plotly.subplots import make_subplots

    figure = make_subplots(rows=2, cols=1, row_heights=[0.56, 0.44], vertical_spacing=0.1)
    _landscape(figure, data)
    _mapped(figure, data)
    slopes = ", ".join(f"{float(one):+.2f}" for one in data["slopes"])
    rows = "; ".join(", ".join(f"{float(one):.2f}" for one in row) for row in data["hessian"])
    table = "; ".join(", ".join(f"{float(one):.2f}" for one in row) for row in data["jacobian"])
    title = (
        f"landscape: slopes ({slopes}), Hessian ({rows})<br>"
        f"map: Jacobian ({table}), determinant {float(data['determinant']):.2f}"
    )
    figure.update_layout(
        title={"text": title, "font": {"size": 14}},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": "#767676"},
        margin={"l": 60, "r": 15, "t": 75, "b": 60},
        height=860,
        legend={"orientation": "h", "y": -0.06, "yanchor": "top"},
    )
    return figure
