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
REACH, CELLS = 2.0, 33

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


def _landscape(data):
    import plotly.graph_objects as go

    (x, y), axis = (float(one) for one in data["at"]), [float(one) for one in data["axis"]]
    heights = [[float(one) for one in row] for row in data["heights"]]
    traces = [
        go.Contour(
            x=axis, y=axis, z=[[math.asinh(one) for one in row] for row in heights], ncontours=22, colorscale="Cividis",
            customdata=heights, showscale=False, line={"width": 0.6},  # asinh: the floor of a deep valley is to be seen
            hovertemplate="f(%{x:.2f}, %{y:.2f}) = %{customdata:.3f}<extra></extra>",
        )
    ]  # fmt: skip
    for k in range(2):
        bend, a, b = float(data["bends"][k]), *(float(data["directions"][i][k]) for i in range(2))
        reach = min(0.25 + 0.25 * math.sqrt(abs(bend)), 1.2)
        line = go.Scatter(
            x=[x - reach * a, x + reach * a], y=[y - reach * b, y + reach * b], mode="lines+text", showlegend=k == 0,
            name="own directions", line={"color": "#51cf66", "width": 3, "dash": "solid" if bend >= 0 else "dot"},
            text=["", f"{bend:+.2f}"], textposition="top center", textfont={"color": "#ffffff", "size": 13},
            hoverinfo="skip",
        )  # fmt: skip
        traces.append(line)
    step = [float(one) for one in data["newton"]]
    arrow = go.Scatter(
        x=[x, x + step[0]], y=[y, y + step[1]], mode="lines+markers", name="Newton's step",
        line={"color": ORANGE, "width": 3}, marker={"size": [11, 11], "color": ORANGE, "symbol": ["circle", "diamond"]},
        hovertemplate="(%{x:.3f}, %{y:.3f})<extra></extra>",
    )  # fmt: skip
    return [*traces, arrow]


def _mapped(data):
    import plotly.graph_objects as go

    kinds = (
        ("edge", "square", {"color": BLUE, "width": 2}),
        ("image", "its image", {"color": ORANGE, "width": 3}),
        ("flat", "by the Jacobian", {"color": ORANGE, "width": 2, "dash": "dash"}),
    )
    traces = []
    for key, name, line in kinds:
        places = [[float(one) for one in pair] for pair in data[key]]
        trace = go.Scatter(
            x=[a for a, _ in places], y=[b for _, b in places], mode="lines", name=name, line=line, xaxis="x2", yaxis="y2",
            fill="toself" if key != "flat" else None, opacity=0.8, hoverinfo="skip",
        )  # fmt: skip
        traces.append(trace)
    return traces


def draw(data):
    import plotly.graph_objects as go

    slopes = ", ".join(f"{float(one):+.2f}" for one in data["slopes"])
    rows = "; ".join(", ".join(f"{float(one):.2f}" for one in row) for row in data["hessian"])
    table = "; ".join(", ".join(f"{float(one):.2f}" for one in row) for row in data["jacobian"])
    title = (
        f"slopes ({slopes})<br>Hessian ({rows})<br>"
        f"Jacobian of the map ({table}),<br>determinant {float(data['determinant']):.2f}"
    )
    shown = {"range": [-REACH, REACH], "constrain": "domain"}
    grid = {"gridcolor": "rgba(134,142,150,.2)", "zeroline": True, "zerolinecolor": GRAY}
    # All at once: made piece by piece, the same figure takes several times as long.
    layout = go.Layout(
        title={"text": title, "font": {"size": 14}, "y": 0.985, "yanchor": "top"},
        xaxis={"title": {"text": "x"}, "anchor": "y", **shown},
        yaxis={"title": {"text": "y"}, "anchor": "x", "domain": [0.49, 1.0], "scaleanchor": "x", "scaleratio": 1, **shown},
        xaxis2={"anchor": "y2", **grid},
        yaxis2={"anchor": "x2", "domain": [0.0, 0.39], "scaleanchor": "x2", "scaleratio": 1, **grid},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": "#767676"},
        margin={"l": 60, "r": 15, "t": 110, "b": 60},
        height=890,
        legend={"orientation": "h", "y": -0.06, "yanchor": "top"},
    )  # fmt: skip
    return go.Figure(data=[*_landscape(data), *_mapped(data)], layout=layout)
