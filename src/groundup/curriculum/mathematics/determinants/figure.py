"""A matrix in three steps: what u, then l, then p does to the unit square and to an arrow round it."""

import math

import torch

from groundup.authoring import slider

sliders = {
    "first": slider("direction of the first column (degrees)", 0, 360, step=5, start=60),
    "between": slider("angle from the first column to the second (degrees)", -180, 180, step=5, start=-70),
    "length": slider("length of the second column", 0.2, 2, step=0.1, start=1.2),
}
needs_builds = ("lu_decompose", "determinant", "is_solvable")
caption = (
    "The matrix a = p l u, one factor after another, on the unit square; the arrows are the two columns. u stretches and leans along the first axis and "
    "makes the whole area, up to its sign. l leans along the second axis: the area stays. p exchanges the axes, if the larger entry stood below: "
    "the area stays and changes its sign. A negative area is drawn in orange: then the second arrow lies clockwise of the first. Bring the angle to 0 or 180 "
    "and the square falls onto a line: only points of that line are reached, and the diamond b is not one of them."
)
LONG = 1.3
TARGET = (0.6, 1.4)
SQUARE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0), (0.0, 0.0))


def compute(my, first, between, length):
    angles = torch.tensor([math.radians(first), math.radians(first + between)], dtype=torch.float64)
    a = torch.stack([angles.cos(), angles.sin()]) * torch.tensor([LONG, length], dtype=torch.float64)
    p, lower, u = my.lu_decompose(a)
    square = torch.tensor(SQUARE, dtype=torch.float64).T
    steps = [u, lower @ u, p @ lower @ u]
    return {
        "shapes": [step @ square for step in steps],
        "areas": [float(my.determinant(step)) for step in steps],
        "factors": [u, lower, p],
        "reached": my.is_solvable(a, torch.tensor(TARGET, dtype=torch.float64)),
    }


def _panel(figure, col, shape, area):
    import plotly.graph_objects as go

    color = "#1c7ed6" if area >= 0 else "#d9480f"
    x, y = ([float(one) for one in row] for row in shape)
    fill = "rgba(28,126,214,.25)" if area >= 0 else "rgba(217,72,15,.25)"
    figure.add_trace(
        go.Scatter(
            x=x, y=y, fill="toself", fillcolor=fill, line={"color": color}, mode="lines", showlegend=False,
            hoverinfo="skip",
        ),
        row=1, col=col,
    )  # fmt: skip
    at = "" if col == 1 else str(col)
    for i, shade in ((1, "#2b8a3e"), (3, "#ae3ec9")):
        figure.add_annotation(
            x=x[i], y=y[i], ax=0, ay=0, xref=f"x{at}", yref=f"y{at}", axref=f"x{at}", ayref=f"y{at}", text="",
            showarrow=math.hypot(x[i], y[i]) > 0.05, arrowhead=2, arrowwidth=3, arrowcolor=shade,
        )  # fmt: skip


def draw(data):
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    names = ["u", "l u", "p l u"]
    titles = [f"{name}<br>area {round(area, 2) + 0.0:.2f}" for name, area in zip(names, data["areas"])]
    figure = make_subplots(rows=1, cols=3, subplot_titles=titles, horizontal_spacing=0.06)
    for col, (shape, area) in enumerate(zip(data["shapes"], data["areas"]), 1):
        _panel(figure, col, shape, area)
    figure.add_trace(
        go.Scatter(
            x=TARGET[:1], y=TARGET[1:], mode="markers+text", text=["<b>b</b>"], textposition="top center",
            textfont={"color": "#767676", "size": 15}, marker={"size": 10, "symbol": "diamond", "color": "#868e96"},
            showlegend=False, hoverinfo="skip",
        ),
        row=1, col=3,
    )  # fmt: skip
    for col in (1, 2, 3):
        bounds = {"range": [-2.6, 2.6], "zeroline": True, "zerolinecolor": "#868e96", "showgrid": False, "dtick": 2}
        figure.update_xaxes(constrain="domain", row=1, col=col, **bounds)
        figure.update_yaxes(scaleanchor=f"x{'' if col == 1 else col}", row=1, col=col, **bounds)
    factor = float(data["factors"][1][1][0])
    swapped = "exchanges the axes" if float(data["factors"][2][0][0]) == 0 else "changes nothing"
    reached = "b is reached" if data["reached"] else "b is not reached"
    figure.update_layout(
        title={
            "text": f"factor in l {round(factor, 2) + 0.0:.2f}, {reached}<br>p {swapped}",
            "font": {"size": 14}, "y": 0.97, "yanchor": "top",
        },
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": "#767676"},
        margin={"l": 30, "r": 10, "t": 105, "b": 30},
        height=355,
    )  # fmt: skip
    for note in figure.layout.annotations[:3]:
        note.font.size = 13
    return figure
