"""A landscape from above with the gradient at a place; below, the slope in every direction, a cosine."""

import math

import torch

from groundup.authoring import slider

LANDSCAPES = {
    "bowl": lambda p: (p[0] ** 2 + p[1] ** 2) / 2,
    "valley": lambda p: (0.2 * (p[0] + p[1]) ** 2 + 3 * (p[0] - p[1]) ** 2) / 4,
    "saddle": lambda p: (p[0] ** 2 - p[1] ** 2) / 2,
    "hills": lambda p: torch.sin(1.5 * p[0]) + torch.cos(1.2 * p[1]) + p[0] / 4,
}
REACH = 3.0

sliders = {
    "landscape": slider("landscape", choices=tuple(LANDSCAPES), start="valley"),
    "angle": slider("direction (degrees)", -180, 180, step=5, start=20),
    "x": slider("first number", -2.5, 2.5, step=0.1, start=-2.0),
    "y": slider("second number", -2.5, 2.5, step=0.1, start=-0.8),
}
needs_builds = ("gradient", "directional_derivative")
caption = (
    "Above: the landscape from above, brighter where it is higher, with contour lines. The orange arrow is the direction, "
    "the white one the way of the gradient (both are drawn with length 1); it always stands at a right angle to the contour line. "
    "Below: the slope in every direction. It is largest along the gradient, zero across it, negative on the way back. In "
    "the valley, minus the gradient points to the other wall and not to the lowest place, in the middle."
)


def compute(my, landscape, angle, x, y):
    f = LANDSCAPES[landscape]
    place = torch.tensor([x, y], dtype=torch.float64)
    axis = torch.linspace(-REACH, REACH, 41, dtype=torch.float64)
    slopes = my.gradient(f, place)
    angles = list(range(-180, 181, 10))

    def towards(degrees):
        turn = math.radians(degrees)
        return my.directional_derivative(f, place, torch.tensor([math.cos(turn), math.sin(turn)], dtype=torch.float64))

    return {
        "axis": axis,
        "heights": f(torch.stack(torch.meshgrid(axis, axis, indexing="xy"))),
        "place": place,
        "gradient": slopes,
        "angle": angle,
        "slope": float(towards(angle)),
        "angles": angles,
        "slopes": [float(towards(degrees)) for degrees in angles],
    }


ORANGE, VIOLET, GRAY = "#ff922b", "#ae3ec9", "#868e96"


def _arrow(figure, start, end, color):
    figure.add_annotation(
        x=end[0], y=end[1], ax=start[0], ay=start[1], xref="x", yref="y", axref="x", ayref="y", text="",
        showarrow=True, arrowhead=2, arrowsize=1.1, arrowwidth=3.5, arrowcolor=color,
    )  # fmt: skip


def _map(figure, data):
    import plotly.graph_objects as go

    axis = [float(value) for value in data["axis"]]
    land = go.Contour(
        x=axis, y=axis, z=[[float(value) for value in row] for row in data["heights"]], colorscale="Viridis",
        ncontours=22, showscale=False, line={"width": 1, "color": "rgba(255,255,255,.45)"},
        hovertemplate="(%{x:.2f}, %{y:.2f}): %{z:.3f}<extra></extra>",
    )  # fmt: skip
    figure.add_trace(land, row=1, col=1)
    place = [float(value) for value in data["place"]]
    arrow = [float(value) for value in data["gradient"]]
    turn = math.radians(float(data["angle"]))
    _arrow(figure, place, [place[0] + math.cos(turn), place[1] + math.sin(turn)], ORANGE)
    length = math.hypot(*arrow)
    if length > 1e-6:
        _arrow(figure, place, [start + part / length for start, part in zip(place, arrow)], "#ffffff")
    here = go.Scatter(
        x=[place[0]], y=[place[1]], mode="markers", showlegend=False, hoverinfo="skip",
        marker={"size": 11, "color": "#ffffff", "line": {"color": "#000000", "width": 1.5}},
    )  # fmt: skip
    figure.add_trace(here, row=1, col=1)
    style = {"range": [-REACH, REACH], "showgrid": False, "zeroline": False, "dtick": 1}
    figure.update_xaxes(title="first number", constrain="domain", row=1, col=1, **style)
    figure.update_yaxes(title="second number", scaleanchor="x", constrain="domain", row=1, col=1, **style)


def _slopes(figure, data):
    import plotly.graph_objects as go

    curve = go.Scatter(
        x=[float(angle) for angle in data["angles"]], y=[float(slope) for slope in data["slopes"]], mode="lines",
        showlegend=False, line={"color": VIOLET, "width": 2.5}, hovertemplate="%{x}°: slope %{y:.3f}<extra></extra>",
    )  # fmt: skip
    now = go.Scatter(
        x=[float(data["angle"])], y=[float(data["slope"])], mode="markers", showlegend=False,
        marker={"size": 13, "color": ORANGE, "symbol": "diamond"}, hovertemplate="%{x}°: slope %{y:.3f}<extra></extra>",
    )  # fmt: skip
    figure.add_trace(curve, row=2, col=1)
    figure.add_trace(now, row=2, col=1)
    first, second = (float(value) for value in data["gradient"])
    if math.hypot(first, second) > 1e-6:
        figure.add_vline(
            x=math.degrees(math.atan2(second, first)), line={"color": GRAY, "dash": "dot"}, row=2, col=1,
            annotation={"text": "gradient", "font": {"color": "#767676"}},
            annotation_position="top left" if math.atan2(second, first) > 0 else "top right",
        )  # fmt: skip
    grid = {"gridcolor": "rgba(134,142,150,.2)", "zeroline": True, "zerolinecolor": GRAY}
    figure.update_xaxes(title="direction (degrees)", range=[-185, 185], tickvals=[-180, -90, 0, 90, 180], row=2, col=1)
    largest = max(math.hypot(first, second), 0.5)
    figure.update_yaxes(title="slope", range=[-1.2 * largest, 1.35 * largest], row=2, col=1, **grid)


def draw(data):
    from plotly.subplots import make_subplots

    figure = make_subplots(rows=2, cols=1, row_heights=[0.7, 0.3], vertical_spacing=0.12)
    _map(figure, data)
    _slopes(figure, data)
    first, second = (round(float(value), 2) + 0.0 for value in data["gradient"])
    title = (
        f"gradient = ({first:.2f}, {second:.2f}), length {math.hypot(first, second):.2f}"
        f"<br>slope in the direction: {round(float(data['slope']), 3) + 0.0:.3f}"
    )
    figure.update_layout(
        title={"text": title, "font": {"size": 15}},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": "#767676"},
        margin={"l": 60, "r": 15, "t": 65, "b": 55},
        height=690,
    )
    return figure
