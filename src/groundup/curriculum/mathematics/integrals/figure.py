"""The parabolas of Simpson's rule over a curve, random points beside them, and how both errors fall with n."""

import math

import torch

from groundup.authoring import slider

# name: (function, a, b, its integral)
FUNCTIONS = {
    "exp(-x²)": (lambda x: torch.exp(-(x**2)), 0.0, 2.0, math.sqrt(math.pi) / 2 * math.erf(2.0)),
    "sin(3x) + 1": (lambda x: torch.sin(3 * x) + 1, 0.0, 4.0, 4 + (1 - math.cos(12.0)) / 3),
    "a narrow peak": (
        lambda x: 1 / (1 + 400 * (x - 0.63) ** 2), 0.0, 2.0, (math.atan(27.4) + math.atan(12.6)) / 20,
    ),
    "√x": (lambda x: x.clamp(min=0.0).sqrt(), 0.0, 2.0, 2**1.5 / 1.5),
    "a corner": (lambda x: (x - 0.7).abs(), 0.0, 2.0, 0.7**2 / 2 + 1.3**2 / 2),
    "a jump": (lambda x: (x > 0.7).double(), 0.0, 2.0, 1.3),
}  # fmt: skip
SIZES = [2 * round(2 ** (k / 2 - 1)) for k in range(2, 21)]  # even numbers from 2 to 1024
TRIES = 6

sliders = {
    "function": slider("function", choices=tuple(FUNCTIONS), start="sin(3x) + 1"),
    "n": slider("parts, and random points", 2, 60, step=2, start=6),
    "seed": slider("seed of the random points", 0, 20, step=1, start=0),
}
needs_builds = ("simpson", "monte_carlo_integral")
caption = (
    "Above: the curve, the parabolas of Simpson's rule over each two parts, and as many random points. Below: how far both "
    "are from the true integral, over n, on logarithmic scales; for the random points six tries each. Smooth curves: the "
    "rule falls like n to the power of -4 down to rounding, random points like 1/√n. With a jump its error "
    "falls like 1/n only. With the narrow peak and few parts, see which of them notice it at all."
)


def _drawn(my, f, low, high, n, generator):
    """The points that f was asked about, and the estimate."""
    points = []

    def watched(p):
        points.extend(p[:, 0].tolist())
        return f(p[:, 0])

    corners = torch.tensor([low]), torch.tensor([high])
    return points, float(my.monte_carlo_integral(watched, *corners, n, generator))


def compute(my, function, n, seed):
    f, low, high, truth = FUNCTIONS[function]
    n, generator = int(n), torch.Generator().manual_seed(int(seed))
    grid = torch.linspace(low, high, 301, dtype=torch.float64)
    knots = torch.linspace(low, high, n + 1, dtype=torch.float64)
    points, estimate = _drawn(my, f, low, high, n, generator)
    tries = [
        [m, abs(_drawn(my, f, low, high, m, generator)[1] - truth)] for m in SIZES for _ in range(TRIES)
    ]  # fmt: skip
    return {
        "name": function, "n": n, "grid": grid, "values": f(grid), "knots": knots, "heights": f(knots),
        "points": points, "at_points": f(torch.tensor(points, dtype=torch.float64)), "truth": truth,
        "rule": float(my.simpson(f, low, high, n)), "estimate": estimate, "sizes": SIZES,
        "errors": [abs(float(my.simpson(f, low, high, m)) - truth) for m in SIZES], "tries": tries,
    }  # fmt: skip


BLUE, ORANGE, GREEN, GRAY = "#1c7ed6", "#d9480f", "#2b8a3e", "#868e96"


def _parabolas(knots, heights):
    """Places and heights along all the parabolas, one after another."""
    xs, ys = [], []
    for k in range(0, len(knots) - 2, 2):
        left, middle, right = heights[k : k + 3]
        for step in range(13):
            t = step / 6 - 1  # from -1 at the left to 1 at the right
            xs.append(knots[k + 1] + t * (knots[k + 1] - knots[k]))
            ys.append(middle + t * (right - left) / 2 + t * t * (right - 2 * middle + left) / 2)
    return xs, ys


def _curve(figure, data):
    import plotly.graph_objects as go

    knots, heights = [float(x) for x in data["knots"]], [float(y) for y in data["heights"]]
    xs, ys = _parabolas(knots, heights)
    values = [float(y) for y in data["values"]]
    traces = [
        go.Scatter(
            x=xs, y=ys, mode="lines", name="parabolas", fill="tozeroy", fillcolor="rgba(217,72,15,.15)",
            line={"color": ORANGE, "width": 1.5}, hoverinfo="skip",
        ),
        go.Scatter(
            x=[float(x) for x in data["grid"]], y=values, mode="lines", name=str(data["name"]),
            line={"color": BLUE, "width": 2.5}, hoverinfo="skip",
        ),
        go.Scatter(
            x=knots, y=heights, mode="markers", name="places", marker={"color": ORANGE, "size": 7},
            hovertemplate="f(%{x:.3f}) = %{y:.4f}<extra></extra>",
        ),
        go.Scatter(
            x=[float(x) for x in data["points"]], y=[float(y) for y in data["at_points"]], mode="markers",
            name="random points", marker={"color": GREEN, "size": 8, "symbol": "x-thin", "line": {"width": 2, "color": GREEN}},
            hovertemplate="f(%{x:.3f}) = %{y:.4f}<extra></extra>",
        ),
    ]  # fmt: skip
    for trace in traces:
        figure.add_trace(trace, row=1, col=1)
    grid = {"gridcolor": "rgba(134,142,150,.2)", "zeroline": True, "zerolinecolor": GRAY}
    figure.update_xaxes(title="x", row=1, col=1, **grid)
    low, high = min(*values, *ys, 0.0), max(*values, *ys)
    figure.update_yaxes(range=[low - 0.08 * (high - low), high + 0.08 * (high - low)], row=1, col=1, **grid)


def _errors(figure, data):
    import plotly.graph_objects as go

    tries = [(int(m), max(float(error), 1e-16)) for m, error in data["tries"]]
    traces = [
        go.Scatter(
            x=[m for m, _ in tries], y=[error for _, error in tries], mode="markers", name="random points, six tries each",
            marker={"color": GREEN, "size": 4}, hovertemplate="n = %{x}: off by %{y:.1e}<extra></extra>",
        ),
        go.Scatter(
            x=[int(m) for m in data["sizes"]], y=[max(float(error), 1e-16) for error in data["errors"]],
            mode="lines+markers", name="Simpson's rule", line={"color": ORANGE, "width": 2},
            marker={"size": 4}, hovertemplate="n = %{x}: off by %{y:.1e}<extra></extra>",
        ),
    ]  # fmt: skip
    for trace in traces:
        figure.add_trace(trace, row=2, col=1)
    figure.add_vline(x=int(data["n"]), line={"color": GRAY, "width": 2, "dash": "dot"}, row=2, col=1)
    grid = {"type": "log", "gridcolor": "rgba(134,142,150,.2)", "exponentformat": "power"}
    figure.update_xaxes(title="n", range=[0.2, 3.1], dtick=1, row=2, col=1, **grid)
    figure.update_yaxes(title="error", range=[-16.3, 1.3], dtick=4, row=2, col=1, **grid)


def draw(data):
    from plotly.subplots import make_subplots

    figure = make_subplots(rows=2, cols=1, row_heights=[0.56, 0.44], vertical_spacing=0.14)
    _curve(figure, data)
    _errors(figure, data)
    title = (
        f"true {float(data['truth']):.5f}, Simpson {float(data['rule']):.5f},<br>"
        f"{int(data['n'])} random points {float(data['estimate']):.5f}"
    )
    figure.update_layout(
        title={"text": title, "font": {"size": 15}},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": "#767676"},
        margin={"l": 65, "r": 15, "t": 70, "b": 120},
        height=680,
        legend={"orientation": "h", "y": -0.13, "yanchor": "top"},
    )
    return figure
