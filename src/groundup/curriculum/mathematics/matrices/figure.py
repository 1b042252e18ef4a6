"""A matrix as a map of the plane: where it takes a grid and a letter, and what was taken to a given point."""

import math

import torch

from groundup.authoring import slider

ORDERS = ("stretch first, then turn", "turn first, then stretch")
LETTER = (
    (0, 0),
    (0, 1.5),
    (0.9, 1.5),
    (0.9, 1.2),
    (0.3, 1.2),
    (0.3, 0.9),
    (0.7, 0.9),
    (0.7, 0.6),
    (0.3, 0.6),
    (0.3, 0),
    (0, 0),
)
TARGET = (1.0, 1.5)
REACH = 2

sliders = {
    "turn": slider("turn (degrees)", -180, 180, step=5, start=30),
    "lean": slider("how far the second axis leans over", -1.5, 1.5, step=0.1, start=0.5),
    "height": slider("height of the second axis", -1.5, 1.5, step=0.1, start=1.0),
    "order": slider("order", choices=ORDERS, start=ORDERS[0]),
}
needs_builds = ("matmul", "solve", "inverse")
caption = (
    "The matrix takes everything on the left to its place on the right. The two arrows are the axes; where they arrive is what "
    "stands in the columns of the matrix. The diamond on the right is a given point b, and the one on the left is the x that is "
    "taken there. A negative height turns the letter over. At height 0 the plane is pressed onto a line: then no x arrives at b, "
    "and nothing can undo it. Change the order, and the same two maps give another product."
)


def _grid():
    """The ends of the lines of a square grid, as columns: (2, lines, 2) in all, with the line second."""
    places = torch.arange(-REACH, REACH + 1, dtype=torch.float64)
    ends = torch.tensor([-REACH, REACH], dtype=torch.float64)
    along, across = torch.broadcast_tensors(ends, places[:, None])
    return torch.stack([torch.cat([along, across]), torch.cat([across, along])])


def compute(my, turn, lean, height, order):
    angle = math.radians(turn)
    turned = torch.tensor(
        [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]], dtype=torch.float64
    )
    stretched = torch.tensor([[1.0, lean], [0.0, height]], dtype=torch.float64)
    a = my.matmul(turned, stretched) if order == ORDERS[0] else my.matmul(stretched, turned)
    lines, letter = _grid(), torch.tensor(LETTER, dtype=torch.float64).T
    target = torch.tensor(TARGET, dtype=torch.float64)
    try:
        source, undo = my.solve(a, target), my.inverse(a)
    except ValueError:
        source = undo = None
    return {
        "a": a,
        "undo": undo,
        "source": source,
        "target": target,
        "lines": lines,
        "lines_after": my.matmul(a, lines.reshape(2, -1)).reshape(lines.shape),
        "letter": letter,
        "letter_after": my.matmul(a, letter),
    }


def _shown(matrix):
    if matrix is None:
        return "none: singular"
    rows = [", ".join(f"{round(float(x), 2) + 0.0:.2f}" for x in row) for row in matrix]
    return f"({rows[0]}), ({rows[1]})"


def _panel(figure, col, lines, letter, axes, point, name):
    """One plane: grid, letter, both axes as arrows and a point."""
    import plotly.graph_objects as go

    blue, orange, green, violet, gray = "#1c7ed6", "#d9480f", "#2b8a3e", "#ae3ec9", "rgba(134,142,150,.55)"
    x, y = [], []
    for across, up in zip(*lines):
        x += [*(float(value) for value in across), None]
        y += [*(float(value) for value in up), None]
    quiet = {"showlegend": False, "hoverinfo": "skip", "mode": "lines"}
    figure.add_trace(go.Scatter(x=x, y=y, line={"color": gray, "width": 1}, **quiet), row=1, col=col)
    outline = [[float(value) for value in row] for row in letter]
    figure.add_trace(
        go.Scatter(
            x=outline[0], y=outline[1], fill="toself", fillcolor="rgba(28,126,214,.25)", line={"color": blue}, **quiet
        ),
        row=1, col=col,
    )  # fmt: skip
    at = f"{'' if col == 1 else col}"
    for end, color in zip(axes, (orange, green)):
        figure.add_annotation(
            x=end[0], y=end[1], ax=0, ay=0, xref=f"x{at}", yref=f"y{at}", axref=f"x{at}", ayref=f"y{at}", text="",
            showarrow=math.hypot(*end) > 0.1, arrowhead=2, arrowsize=1.1, arrowwidth=3, arrowcolor=color,
        )  # fmt: skip
    if point is not None:
        where = [float(value) for value in point]
        figure.add_trace(
            go.Scatter(
                x=where[:1], y=where[1:], mode="markers+text", text=[f"<b>{name}</b>"], textposition="top center",
                textfont={"color": violet, "size": 16}, marker={"size": 11, "symbol": "diamond", "color": violet},
                showlegend=False, hovertemplate="(%{x:.2f}, %{y:.2f})<extra></extra>",
            ),
            row=1, col=col,
        )  # fmt: skip


def draw(data):
    from plotly.subplots import make_subplots

    figure = make_subplots(rows=1, cols=2, subplot_titles=["before", "after"], horizontal_spacing=0.09)
    a = [[float(value) for value in row] for row in data["a"]]
    _panel(figure, 1, data["lines"], data["letter"], [(1.0, 0.0), (0.0, 1.0)], data["source"], "x")
    columns = [(a[0][0], a[1][0]), (a[0][1], a[1][1])]
    _panel(figure, 2, data["lines_after"], data["letter_after"], columns, data["target"], "b")
    for col in (1, 2):
        bounds = {"range": [-3.6, 3.6], "zeroline": True, "zerolinecolor": "#868e96", "showgrid": False, "dtick": 2}
        figure.update_xaxes(constrain="domain", row=1, col=col, **bounds)
        figure.update_yaxes(scaleanchor="x" if col == 1 else "x2", row=1, col=col, **bounds)
    source = data["source"]
    place = "no x arrives at b" if source is None else f"x = ({float(source[0]):.2f}, {float(source[1]):.2f})"
    title = f"rows of the matrix {_shown(data['a'])}   {place}<br>rows of its inverse {_shown(data['undo'])}"
    figure.update_layout(
        title={"text": title, "font": {"size": 14}, "y": 0.97, "yanchor": "top"},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": "#767676"},
        margin={"l": 35, "r": 10, "t": 90, "b": 30},
        height=430,
    )
    return figure
