"""A function of one number with a chord; below, Newton's steps with the parabola of the next one."""

import math

import torch

from groundup.authoring import slider

REACH = 3.0
# Value, slope, curvature.
FUNCTIONS = {
    "exp(x) - 2x": (lambda x: torch.exp(x) - 2 * x, lambda x: torch.exp(x) - 2, lambda x: torch.exp(x)),
    "sqrt(1 + x²)": (
        lambda x: torch.sqrt(1 + x**2),
        lambda x: x / torch.sqrt(1 + x**2),
        lambda x: (1 + x**2) ** -1.5,
    ),
    "log(1 + x²)": (
        lambda x: torch.log1p(x**2),
        lambda x: 2 * x / (1 + x**2),
        lambda x: 2 * (1 - x**2) / (1 + x**2) ** 2,
    ),
    "x² + sin(4x)/2": (
        lambda x: x**2 + torch.sin(4 * x) / 2,
        lambda x: 2 * x + 2 * torch.cos(4 * x),
        lambda x: 2 - 8 * torch.sin(4 * x),
    ),
    "(x² - 2)²/4": (lambda x: (x**2 - 2) ** 2 / 4, lambda x: x * (x**2 - 2), lambda x: 3 * x**2 - 2),
}

sliders = {
    "function": slider("function", choices=tuple(FUNCTIONS), start="(x² - 2)²/4"),
    "left": slider("one end of the chord", -2.8, 2.8, step=0.1, start=-1.7),
    "right": slider("the other end", -2.8, 2.8, step=0.1, start=1.1),
    "steps": slider("Newton steps from the other end", 0, 6, step=1, start=1),
}
needs_builds = ("is_midpoint_convex", "newton_minimize")
caption = (
    "Above: a function with a chord. The square is the mean of the two ends, the dot the function in their middle: for a "
    "convex function no chord has the dot above the square. The verdict in the title looks at 13 points along the whole axis, all pairs "
    "of them. Below: Newton's method from the other end. The dotted parabola has height, slope and curvature of the "
    "function at the last place (diamond), and the next step goes to its lowest point, or, where it opens downwards, to its top."
)


def compute(my, function, left, right, steps):
    value, slope, curvature = FUNCTIONS[function]
    axis = torch.linspace(-REACH, REACH, 121, dtype=torch.float64)
    ends = torch.tensor([left, right], dtype=torch.float64)
    start = torch.tensor([right], dtype=torch.float64)
    matrix = lambda x: curvature(x)[:, None]
    places = torch.cat([my.newton_minimize(slope, matrix, start, k) for k in range(int(steps) + 1)])
    last = places[-1]
    parabola = value(last) + slope(last) * (axis - last) + curvature(last) * (axis - last) ** 2 / 2
    return {
        "axis": axis,
        "values": value(axis),
        "ends": ends,
        "ends_values": value(ends),
        "middle": value(ends.mean()),
        "pair": bool(my.is_midpoint_convex(value, ends)),
        "all": bool(my.is_midpoint_convex(value, torch.linspace(-2.8, 2.8, 13, dtype=torch.float64))),
        "places": places.clamp(-1e6, 1e6),
        "places_values": value(places).clamp(-1e6, 1e6),
        "parabola": parabola.clamp(-1e6, 1e6),
    }


BLUE, ORANGE, GRAY, VIOLET = "#1c7ed6", "#e8590c", "#868e96", "#ae3ec9"


def _line(x, y, color, name, dash="solid", width=2.5):
    import plotly.graph_objects as go

    return go.Scatter(
        x=[float(one) for one in x], y=[float(one) for one in y], mode="lines", name=name, showlegend=False,
        line={"color": color, "width": width, "dash": dash}, hovertemplate=name + " (%{x:.2f}, %{y:.3f})<extra></extra>",
    )  # fmt: skip


def _dots(x, y, color, name, symbol, size=11, text=None):
    import plotly.graph_objects as go

    return go.Scatter(
        x=[float(one) for one in x], y=[float(one) for one in y], mode="markers+text" if text else "markers", name=name,
        showlegend=False, marker={"color": color, "size": size, "symbol": symbol, "line": {"width": 1, "color": "#ffffff"}},
        text=text, textposition="top center", hovertemplate=name + " (%{x:.4f}, %{y:.4f})<extra></extra>",
    )  # fmt: skip


def draw(data):
    from plotly.subplots import make_subplots

    figure = make_subplots(rows=2, cols=1, vertical_spacing=0.1, shared_xaxes=True)
    ends, heights = [float(x) for x in data["ends"]], [float(y) for y in data["ends_values"]]
    middle = sum(ends) / 2
    figure.add_trace(_line(data["axis"], data["values"], BLUE, "the function"), row=1, col=1)
    figure.add_trace(_line(ends, heights, ORANGE, "the chord"), row=1, col=1)
    figure.add_trace(_dots(ends, heights, ORANGE, "an end", "circle"), row=1, col=1)
    figure.add_trace(_dots([middle], [sum(heights) / 2], ORANGE, "mean of the ends", "square"), row=1, col=1)
    figure.add_trace(
        _dots([middle], [float(data["middle"])], BLUE, "the function in the middle", "circle"), row=1, col=1
    )
    figure.add_trace(_line(data["axis"], data["values"], BLUE, "the function"), row=2, col=1)
    figure.add_trace(_line(data["axis"], data["parabola"], VIOLET, "the parabola", "dot", 2), row=2, col=1)
    places, low = [float(x) for x in data["places"]], [float(y) for y in data["places_values"]]
    numbers = [str(k) for k in range(len(places) - 1)]
    figure.add_trace(_dots(places[:-1], low[:-1], GRAY, "a place", "circle", 9, numbers), row=2, col=1)
    figure.add_trace(_dots(places[-1:], low[-1:], VIOLET, "the last place", "diamond", 13), row=2, col=1)
    values = [float(y) for x, y in zip(data["axis"], data["values"]) if abs(float(x)) <= 2.3]
    span = max(values) - min(values)
    reach = [min(values) - 0.15 * span, max(values) + 0.1 * span]
    style = {"gridcolor": "rgba(134,142,150,.2)", "zeroline": False}
    figure.update_xaxes(range=[-REACH, REACH], **style)
    figure.update_xaxes(title="x", row=2, col=1)
    figure.update_yaxes(range=reach, title="f(x), with a chord", row=1, col=1, **style)
    figure.update_yaxes(range=reach, title="f(x), with Newton's steps", row=2, col=1, **style)
    pair = "agrees with convexity" if data["pair"] else "refutes convexity"
    every = "no pair of 13 points refutes it" if data["all"] else "some pair of 13 points refutes it"
    last = places[-1]
    where = f"x = {last:.5f}" if math.isfinite(last) and abs(last) < 1e3 else "far away"
    figure.update_layout(
        title={
            "text": f"this chord {pair}; {every}<br>after {len(places) - 1} step{'' if len(places) == 2 else 's'}: {where}",
            "font": {"size": 15},
        },
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": "#767676"},
        margin={"l": 65, "r": 15, "t": 65, "b": 50},
        height=680,
    )
    return figure
