"""A curve with the chord of a central difference and Newton's steps; below, the error of the slope over the step."""

import math

import torch

from groundup.authoring import slider

# name: (function, its exact derivative, what of it is shown)
CURVES = {
    "x² - 2": (lambda x: x**2 - 2, lambda x: 2 * x),
    "x³ - 2x + 2": (lambda x: x**3 - 2 * x + 2, lambda x: 3 * x**2 - 2),
    "exp(x) - 3": (lambda x: torch.exp(x) - 3, torch.exp),
    "arctan(x)": (torch.atan, lambda x: 1 / (1 + x**2)),
    "sin(2x) + x/2": (lambda x: torch.sin(2 * x) + x / 2, lambda x: 2 * torch.cos(2 * x) + 0.5),
}
LOW, HIGH = -3.0, 3.0

sliders = {
    "curve": slider("function", choices=tuple(CURVES), start="exp(x) - 3"),
    "x": slider("x", -2.5, 2.5, step=0.1, start=-0.3),
    "exponent": slider("step h = 10 to the power", -13.0, 0.0, step=0.25, start=-0.5),
    "steps": slider("steps of Newton's method", 0, 8, step=1, start=2),
}
needs_builds = ("derivative", "newton_root")
caption = (
    "Above: the curve, the chord from x - h to x + h, whose slope is the central difference, and Newton's steps: from each "
    "place straight to the curve, then along the tangent to zero. Below: how far central and one-sided difference are "
    "from the true slope at x, over h, both on logarithmic scales. To the right the formula's own error falls with h² or "
    "h, to the left rounding grows. Try x³ - 2x + 2 from x = 0 (a circle), and arctan from 1.3 and 1.4."
)


def _path(my, f, x, steps):
    """The places of Newton's method, as far as they can be drawn."""
    places = [float(x)]
    for _ in range(int(steps)):
        at = torch.tensor(places[-1], dtype=torch.float64)
        slope = float(my.derivative(f, at))
        moved = places[-1] - float(f(at)) / slope if slope else math.nan
        if not abs(moved) < 50:
            break
        places.append(moved)
    return places


def compute(my, curve, x, exponent, steps):
    f, exact = CURVES[curve]
    x = round(float(x), 6)
    at, h = torch.tensor(x, dtype=torch.float64), 10.0**exponent
    truth = float(exact(at))
    exponents = [k / 4 for k in range(-52, 1)]
    central = [abs(float(my.derivative(f, x, 10.0**k)) - truth) for k in exponents]
    forward = [abs(float((f(at + 10.0**k) - f(at)) / 10.0**k) - truth) for k in exponents]
    try:
        root = float(my.newton_root(f, x))
    except RuntimeError:
        root = None
    grid = torch.linspace(LOW, HIGH, 121, dtype=torch.float64)
    places = _path(my, f, x, steps)
    return {
        "name": curve, "x": x, "h": h, "grid": grid, "values": f(grid), "slope": float(my.derivative(f, x, h)),
        "truth": truth, "ends": [float(f(at - h)), float(f(at + h))], "places": places,
        "heights": [float(f(torch.tensor(one, dtype=torch.float64))) for one in places], "root": root,
        "steps_h": [10.0**k for k in exponents], "central": central, "forward": forward,
    }  # fmt: skip


BLUE, ORANGE, GREEN, GRAY = "#1c7ed6", "#d9480f", "#2b8a3e", "#868e96"


def _curve(figure, data):
    import plotly.graph_objects as go

    def line(xs, ys, name, color, **style):
        trace = go.Scatter(x=xs, y=ys, name=name, mode="lines", line={"color": color, **style}, hoverinfo="skip")
        figure.add_trace(trace, row=1, col=1)

    values = [float(value) for value in data["values"]]
    line([float(x) for x in data["grid"]], values, str(data["name"]), BLUE, width=2.5)
    x, h, (left, right) = float(data["x"]), float(data["h"]), (float(end) for end in data["ends"])
    slope, middle = float(data["slope"]), (left + right) / 2
    reach = max(h, 0.6)  # a chord too short to be seen is drawn on, as the line that it lies in
    line([x - reach, x + reach], [middle - slope * reach, middle + slope * reach], "chord", ORANGE, width=3)
    xs, ys = [], []
    places, heights = [float(one) for one in data["places"]], [float(one) for one in data["heights"]]
    for here, height, there in zip(places, heights, [*places[1:], None]):
        xs += [here, here] if there is None else [here, here, there]
        ys += [0.0, height] if there is None else [0.0, height, 0.0]
    line(xs, ys, "Newton's steps", GREEN, width=1.5, dash="dot")
    points = go.Scatter(
        x=[x - h, x + h], y=[left, right], mode="markers", showlegend=False, marker={"size": 9, "color": ORANGE},
        hovertemplate="f(%{x:.4f}) = %{y:.4f}<extra></extra>",
    )  # fmt: skip
    stops = go.Scatter(
        x=places, y=[0.0] * len(places), mode="markers", showlegend=False,
        marker={"size": [11] + [7] * (len(places) - 1), "color": GREEN, "symbol": "diamond"},
        customdata=list(range(len(places))), hovertemplate="after %{customdata} steps: x = %{x:.6f}<extra></extra>",
    )  # fmt: skip
    figure.add_trace(points, row=1, col=1)
    figure.add_trace(stops, row=1, col=1)
    grid = {"gridcolor": "rgba(134,142,150,.2)", "zeroline": True, "zerolinecolor": GRAY}
    figure.update_xaxes(range=[LOW, HIGH], title="x", row=1, col=1, **grid)
    low, high = max(min(values), -6.0), min(max(values), 8.0)
    figure.update_yaxes(range=[min(low, -1.0) - 0.4, max(high, 1.0) + 0.4], row=1, col=1, **grid)


def _errors(figure, data):
    import plotly.graph_objects as go

    steps = [float(h) for h in data["steps_h"]]
    for name, color, errors in (
        ("error, central", ORANGE, data["central"]),
        ("error, one-sided", GRAY, data["forward"]),
    ):
        trace = go.Scatter(
            x=steps, y=[max(float(error), 1e-17) for error in errors], name=name, mode="lines",
            line={"color": color, "width": 2}, hovertemplate="h = %{x:.0e}: off by %{y:.1e}<extra></extra>",
        )  # fmt: skip
        figure.add_trace(trace, row=2, col=1)
    now = go.Scatter(
        x=[float(data["h"])], y=[max(abs(float(data["slope"]) - float(data["truth"])), 1e-17)], mode="markers",
        showlegend=False, marker={"size": 12, "color": ORANGE, "symbol": "diamond"}, hoverinfo="skip",
    )  # fmt: skip
    figure.add_trace(now, row=2, col=1)
    grid = {"type": "log", "gridcolor": "rgba(134,142,150,.2)", "exponentformat": "power"}
    figure.update_xaxes(title="h", dtick=3, range=[-13.3, 0.3], row=2, col=1, **grid)
    figure.update_yaxes(title="error of the slope", dtick=4, range=[-17, 1.5], row=2, col=1, **grid)


def draw(data):
    from plotly.subplots import make_subplots

    figure = make_subplots(rows=2, cols=1, row_heights=[0.62, 0.38], vertical_spacing=0.13)
    _curve(figure, data)
    _errors(figure, data)
    slope, truth = float(data["slope"]), float(data["truth"])
    found = "none found" if data["root"] is None else f"{float(data['root']):.6f}"
    title = f"slope: chord {slope:.5g}, curve {truth:.5g}<br>root from x = {float(data['x']):.1f}: {found}"
    figure.update_layout(
        title={"text": title, "font": {"size": 15}},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": "#767676"},
        margin={"l": 65, "r": 15, "t": 70, "b": 100},
        height=660,
        legend={"orientation": "h", "y": -0.13, "yanchor": "top"},
    )
    return figure
