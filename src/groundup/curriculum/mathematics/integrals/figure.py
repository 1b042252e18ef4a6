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


def _tries(my, f, low, high, truth, generator):
    """How far estimates from ever more points are off; every second of the sizes is enough for them."""
    corners = torch.tensor([low]), torch.tensor([high])

    def off(m):
        return abs(float(my.monte_carlo_integral(lambda p: f(p[:, 0]), *corners, m, generator)) - truth)

    return [[m, off(m)] for m in SIZES[::2] for _ in range(TRIES)]


def compute(my, function, n, seed):
    f, low, high, truth = FUNCTIONS[function]
    n, generator = int(n), torch.Generator().manual_seed(int(seed))
    grid = torch.linspace(low, high, 201, dtype=torch.float64)
    knots = torch.linspace(low, high, n + 1, dtype=torch.float64)
    points, estimate = _drawn(my, f, low, high, n, generator)
    tries = _tries(my, f, low, high, truth, generator)
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
        for step in range(9):
            t = step / 4 - 1  # from -1 at the left to 1 at the right
            xs.append(knots[k + 1] + t * (knots[k + 1] - knots[k]))
            ys.append(middle + t * (right - left) / 2 + t * t * (right - 2 * middle + left) / 2)
    return xs, ys


def _curve(data, values, parabolas):
    import plotly.graph_objects as go

    (xs, ys), heights = parabolas, [float(y) for y in data["heights"]]
    return [
        go.Scatter(
            x=xs, y=ys, mode="lines", name="parabolas", fill="tozeroy", fillcolor="rgba(217,72,15,.15)",
            line={"color": ORANGE, "width": 1.5}, hoverinfo="skip",
        ),
        go.Scatter(
            x=[float(x) for x in data["grid"]], y=values, mode="lines", name=str(data["name"]),
            line={"color": BLUE, "width": 2.5}, hoverinfo="skip",
        ),
        go.Scatter(
            x=[float(x) for x in data["knots"]], y=heights, mode="markers", name="places",
            marker={"color": ORANGE, "size": 7}, hovertemplate="f(%{x:.3f}) = %{y:.4f}<extra></extra>",
        ),
        go.Scatter(
            x=[float(x) for x in data["points"]], y=[float(y) for y in data["at_points"]], mode="markers",
            name="random points", marker={"color": GREEN, "size": 8, "symbol": "x-thin", "line": {"width": 2, "color": GREEN}},
            hovertemplate="f(%{x:.3f}) = %{y:.4f}<extra></extra>",
        ),
    ]  # fmt: skip


def _errors(data):
    import plotly.graph_objects as go

    tries = [(int(m), max(float(error), 1e-16)) for m, error in data["tries"]]
    below = {"xaxis": "x2", "yaxis": "y2", "hovertemplate": "n = %{x}: off by %{y:.1e}<extra></extra>"}
    return [
        go.Scatter(
            x=[m for m, _ in tries], y=[error for _, error in tries], mode="markers", name="random points, six tries each",
            marker={"color": GREEN, "size": 4}, **below,
        ),
        go.Scatter(
            x=[int(m) for m in data["sizes"]], y=[max(float(error), 1e-16) for error in data["errors"]],
            mode="lines+markers", name="Simpson's rule", line={"color": ORANGE, "width": 2}, marker={"size": 4}, **below,
        ),
    ]  # fmt: skip


def draw(data):
    import plotly.graph_objects as go

    parabolas = _parabolas([float(x) for x in data["knots"]], [float(y) for y in data["heights"]])
    values = [float(y) for y in data["values"]]
    low, high = min(*values, *parabolas[1], 0.0), max(*values, *parabolas[1])
    title = (
        f"true {float(data['truth']):.5f}, Simpson {float(data['rule']):.5f},<br>"
        f"{int(data['n'])} random points {float(data['estimate']):.5f}"
    )
    grid = {"gridcolor": "rgba(134,142,150,.2)"}
    logs = {"type": "log", "exponentformat": "power", **grid}
    zero = {"zeroline": True, "zerolinecolor": GRAY, **grid}
    # All at once: made piece by piece, the same figure takes several times as long.
    layout = go.Layout(
        title={"text": title, "font": {"size": 15}},
        xaxis={"title": {"text": "x"}, "anchor": "y", **zero},
        yaxis={
            "domain": [0.52, 1.0], "range": [low - 0.08 * (high - low), high + 0.08 * (high - low)], "anchor": "x", **zero,
        },
        xaxis2={"title": {"text": "n"}, "range": [0.2, 3.1], "dtick": 1, "anchor": "y2", **logs},
        yaxis2={
            "title": {"text": "error"}, "domain": [0.0, 0.38], "range": [-16.3, 1.3], "dtick": 4, "anchor": "x2", **logs,
        },
        shapes=[{
            "type": "line", "x0": int(data["n"]), "x1": int(data["n"]), "xref": "x2", "y0": 0, "y1": 1, "yref": "y2 domain",
            "line": {"color": GRAY, "width": 2, "dash": "dot"},
        }],
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": "#767676"},
        margin={"l": 65, "r": 15, "t": 70, "b": 120},
        height=680,
        legend={"orientation": "h", "y": -0.13, "yanchor": "top"},
    )  # fmt: skip
    return go.Figure(data=[*_curve(data, values, parabolas), *_errors(data)], layout=layout)
