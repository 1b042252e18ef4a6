"""Two rows of a matrix: Gram-Schmidt on the left; on the right where the map takes a circle, and what it loses."""

import math

import torch

from groundup.authoring import slider

sliders = {
    "angle": slider("angle from the first row to the second (degrees)", -180, 180, step=2, start=40),
    "length": slider("length of the second row", 0, 2, step=0.1, start=1.5),
    "tolerance": slider("tolerance (power of ten)", -6, -0.2, step=0.2, start=-1),
}
needs_builds = ("gram_schmidt", "rank", "null_space")
caption = (
    "Left: the rows u and v of a matrix, and the two steps of Gram-Schmidt. The dotted line is what is left of v without its part along u; "
    "brought to length 1 it is q2. Right: where the matrix takes the points of a circle. The nearer v comes to the line of u, "
    "the flatter it is. Once it is flatter than the tolerance allows, the rank is 1 and a direction is lost: the dashed line, orthogonal to both "
    "rows up to the tolerance. Gram-Schmidt still finds q2 then, unless nothing at all is left: it has a much smaller tolerance of its own."
)
FIRST = (1.6, 0.6)


def compute(my, angle, length, tolerance):
    u = torch.tensor(FIRST, dtype=torch.float64)
    at = math.atan2(FIRST[1], FIRST[0]) + math.radians(angle)
    v = length * torch.tensor([math.cos(at), math.sin(at)], dtype=torch.float64)
    a = torch.stack([u, v])
    basis = my.gram_schmidt(a)
    around = torch.linspace(0, 2 * math.pi, 91, dtype=torch.float64)
    circle = torch.stack([around.cos(), around.sin()], dim=1)
    return {
        "a": a,
        "basis": basis,
        "along": (v @ basis[0]) * basis[0],
        "rank": my.rank(a, 10**tolerance),
        "lost": my.null_space(a, 10**tolerance),
        "image": circle @ a.T,
    }


def _arrow(figure, end, color, name, col, width=3):
    at = "" if col == 1 else "2"
    if math.hypot(*end) < 0.03:
        return
    figure.add_annotation(
        x=end[0], y=end[1], ax=0, ay=0, xref=f"x{at}", yref=f"y{at}", axref=f"x{at}", ayref=f"y{at}", text="",
        showarrow=True, arrowhead=2, arrowwidth=width, arrowcolor=color,
    )  # fmt: skip
    stretch = 1 + 0.22 / math.hypot(*end)
    figure.add_annotation(
        x=end[0] * stretch, y=end[1] * stretch, text=f"<b>{name}</b>", showarrow=False, xref=f"x{at}", yref=f"y{at}",
        font={"color": color, "size": 15},
    )  # fmt: skip


def draw(data):
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    blue, orange, green, violet, gray = "#1c7ed6", "#d9480f", "#2b8a3e", "#ae3ec9", "#868e96"
    figure = make_subplots(rows=1, cols=2, subplot_titles=["rows, basis", "the circle, mapped"])
    u, v = ([float(x) for x in row] for row in data["a"])
    along = [float(x) for x in data["along"]]
    line = {"mode": "lines", "showlegend": False, "hoverinfo": "skip"}
    figure.add_trace(
        go.Scatter(x=[along[0], v[0]], y=[along[1], v[1]], line={"color": orange, "dash": "dot", "width": 2}, **line),
        row=1, col=1,
    )  # fmt: skip
    for row in data["lost"]:
        x, y = (2.4 * float(one) for one in row)
        figure.add_trace(
            go.Scatter(x=[-x, x], y=[-y, y], line={"color": violet, "dash": "dash", "width": 2}, **line), row=1, col=1
        )
    _arrow(figure, u, blue, "u", 1)
    _arrow(figure, v, orange, "v", 1)
    for i, row in enumerate(data["basis"], 1):
        _arrow(figure, [float(x) for x in row], green, f"q{i}", 1, width=4)
    image = [[float(x) for x in column] for column in zip(*data["image"])]
    figure.add_trace(
        go.Scatter(x=image[0], y=image[1], fill="toself", fillcolor="rgba(28,126,214,.2)", line={"color": blue}, **line),
        row=1, col=2,
    )  # fmt: skip
    lost = len(data["lost"])
    title = f"rank {data['rank']}, directions lost: {lost}<br>rows of the basis: {len(data['basis'])}"
    for col in (1, 2):
        bounds = {"range": [-2.4, 2.4], "zeroline": True, "zerolinecolor": gray, "showgrid": False, "dtick": 1}
        figure.update_xaxes(constrain="domain", row=1, col=col, **bounds)
        figure.update_yaxes(scaleanchor="x" if col == 1 else "x2", row=1, col=col, **bounds)
    figure.update_layout(
        title={"text": title, "font": {"size": 15}, "y": 0.97, "yanchor": "top"},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": "#767676"},
        margin={"l": 35, "r": 10, "t": 95, "b": 30},
        height=420,
    )
    return figure
