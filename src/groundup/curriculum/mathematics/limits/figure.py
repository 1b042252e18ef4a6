"""A function under a magnifying glass at one place, its one-sided limits, and its values at ever smaller steps."""

import math

import torch

from groundup.authoring import slider

# name: (function, the place looked at)
FUNCTIONS = {
    "(t² - 4) / (t - 2)": (lambda t: (t**2 - 4) / (t - 2), 2.0),
    "(1 - cos t) / t²": (lambda t: (1 - torch.cos(t)) / t**2, 0.0),
    "a jump": (lambda t: torch.sin(t) + 1.0 * (t >= 1), 1.0),
    "a point elsewhere": (lambda t: torch.where(t == 1, 1.6, torch.cos(t)), 1.0),
    "|t|": (torch.abs, 0.0),
    "t sin(1/t)": (lambda t: t * torch.sin(1 / t), 0.0),
    "sin(1/t)": (lambda t: torch.sin(1 / t), 0.0),
    "1/t": (lambda t: 1 / t, 0.0),
    "log |t|": (lambda t: torch.log(t.abs()), 0.0),
    "√t": (torch.sqrt, 0.0),
}
WIDEST = 2.0

sliders = {
    "function": slider("function", choices=tuple(FUNCTIONS), start="(1 - cos t) / t²"),
    "exponent": slider("half the width of the glass: 10 to the power", -9.0, 0.0, step=0.25, start=0.0),
}
needs_builds = ("limit", "is_continuous_at")
caption = (
    "Above: the function beside the place x, as wide as the glass is set; lines mark the limits from the left and from the "
    "right that your function found, a ring the value at x itself, where there is one. Below: the values on both sides at "
    "ever smaller steps, with the glass as a marker. Narrow it: a jump stays a jump, a corner stays a corner, t sin(1/t) "
    "stays wild and becomes small, sin(1/t) stays wild. And below 1e-6 look at what rounding does to (1 - cos t) / t²."
)


def compute(my, function, exponent):
    f, x = FUNCTIONS[function]
    half = 10.0 ** float(exponent)
    near = torch.linspace(-half, half, 402, dtype=torch.float64) + x  # an even number: x itself is not among them
    steps = 10.0 ** torch.linspace(-9, 0, 73, dtype=torch.float64)
    there = float(f(torch.tensor(x, dtype=torch.float64)))
    return {
        "name": function, "x": x, "half": half, "at": near - x, "values": f(near), "there": there,
        "left": float(my.limit(f, x, "left")), "right": float(my.limit(f, x, "right")), "both": float(my.limit(f, x)),
        "continuous": bool(my.is_continuous_at(f, x, 1e-3)), "steps": steps, "below": f(x - steps), "above": f(x + steps),
    }  # fmt: skip


BLUE, ORANGE, GREEN, GRAY = "#1c7ed6", "#d9480f", "#2b8a3e", "#868e96"


def _clean(values):
    return [float(value) if math.isfinite(float(value)) else None for value in values]


def _span(values, extra):
    """A range for the values that leaves room, and that what runs away does not fill."""
    known = sorted(value for value in [*values, *extra] if value is not None and math.isfinite(value))
    if not known:
        return [-1.0, 1.0]
    cut = len(known) // 50
    low, high = min([known[cut], *extra]), max([known[-1 - cut], *extra])
    room = 0.12 * (high - low) or 0.1 * max(abs(high), 1e-3)
    return [low - room, high + room]


def _glass(figure, data):
    import plotly.graph_objects as go

    half, x = float(data["half"]), float(data["x"])
    at, values = [float(one) for one in data["at"]], _clean(data["values"])
    left, right, there = float(data["left"]), float(data["right"]), float(data["there"])
    middle = len(at) // 2
    for part in (slice(0, middle), slice(middle, None)):  # in two pieces: no line is drawn through x
        trace = go.Scatter(
            x=at[part], y=values[part], mode="lines", line={"color": BLUE, "width": 2.5}, showlegend=False,
            hovertemplate="t = x + %{x:.3g}: %{y:.6g}<extra></extra>",
        )  # fmt: skip
        figure.add_trace(trace, row=1, col=1)
    for found, color, name, ends in (
        (left, ORANGE, "limit from the left", [-half, 0]), (right, GREEN, "limit from the right", [0, half]),
    ):  # fmt: skip
        seen = [found, found] if math.isfinite(found) else [None, None]
        trace = go.Scatter(x=ends, y=seen, mode="lines", name=name, line={"color": color, "width": 3, "dash": "dash"})
        figure.add_trace(trace, row=1, col=1)
    ring = go.Scatter(
        x=[0.0], y=[there if math.isfinite(there) else None], mode="markers", name="value at x",
        marker={"size": 13, "color": BLUE, "symbol": "circle-open", "line": {"width": 3}},
        hovertemplate="f(x) = %{y:.6g}<extra></extra>",
    )  # fmt: skip
    figure.add_trace(ring, row=1, col=1)
    extra = [one for one in (left, right, there) if math.isfinite(one)]
    grid = {"gridcolor": "rgba(134,142,150,.2)", "zerolinecolor": GRAY}
    figure.update_xaxes(
        title=f"t - x, with x = {x:g}", range=[-half, half], exponentformat="power", row=1, col=1, **grid
    )
    figure.update_yaxes(range=_span(values, extra), exponentformat="power", row=1, col=1, **grid)


def _steps(figure, data):
    import plotly.graph_objects as go

    steps = [float(one) for one in data["steps"]]
    sides = {"below": (ORANGE, "f(x - h)"), "above": (GREEN, "f(x + h)")}
    for side, (color, name) in sides.items():
        trace = go.Scatter(
            x=steps, y=_clean(data[side]), mode="lines+markers", name=name, marker={"size": 4},
            line={"color": color, "width": 1.5}, hovertemplate="h = %{x:.1e}: %{y:.6g}<extra></extra>",
        )  # fmt: skip
        figure.add_trace(trace, row=2, col=1)
    figure.add_vline(x=float(data["half"]), line={"color": GRAY, "width": 2, "dash": "dot"}, row=2, col=1)
    grid = {"gridcolor": "rgba(134,142,150,.2)", "zerolinecolor": GRAY}
    figure.update_xaxes(
        type="log", title="h", dtick=2, tickangle=0, range=[0.1, -9.1], exponentformat="power", row=2, col=1, **grid
    )
    extra = [float(data[one]) for one in ("left", "right") if math.isfinite(float(data[one]))]
    figure.update_yaxes(range=_span(_clean(data["below"]) + _clean(data["above"]), extra), row=2, col=1, **grid)


def _said(value):
    return "none" if math.isnan(float(value)) else f"{float(value):.7g}"


def draw(data):
    from plotly.subplots import make_subplots

    figure = make_subplots(rows=2, cols=1, row_heights=[0.58, 0.42], vertical_spacing=0.15)
    _glass(figure, data)
    _steps(figure, data)
    title = (
        f"limit from the left: {_said(data['left'])}, from the right: {_said(data['right'])}<br>"
        f"from both: {_said(data['both'])}; {'continuous' if data['continuous'] else 'not continuous'} at {float(data['x']):g}"
    )
    figure.update_layout(
        title={"text": title, "font": {"size": 15}},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": "#767676"},
        margin={"l": 65, "r": 15, "t": 70, "b": 110},
        height=660,
        legend={"orientation": "h", "y": -0.14, "yanchor": "top"},
    )
    return figure
