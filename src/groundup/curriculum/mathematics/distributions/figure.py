"""Binomial, Poisson and normal with the same mean: alike in the middle, far apart in the tails."""

import math

import torch

from groundup.authoring import slider

sliders = {
    "n": slider("words in the document (trials)", 1, 200, step=1, start=40),
    "percent": slider("chance that a word is the one (%)", 0.5, 99.5, step=0.5, start=5.0),
    "seen": slider("how often it was seen", 0, 60, step=1, start=6),
}
needs_builds = ("normal_log_pdf", "binomial_log_pmf", "poisson_log_pmf")
caption = (
    "Above: how probable each count is. Bars are the binomial distribution, dots the Poisson with the same mean, the line "
    "the normal curve with the same mean and variance. Below: the same as powers of ten. Few words of a large chance: "
    "Poisson, which knows no largest number, is off. Many words of a small chance: Poisson fits, and the normal curve is too "
    "low on the right by factors of thousands, and gives negative counts a chance."
)


def compute(my, n, percent, seen):
    n, p = int(n), torch.tensor(percent / 100, dtype=torch.float64)
    mean = float(n * p)
    spread = math.sqrt(mean * (1 - float(p)))
    top = max(int(mean + 8 * spread + 3), int(seen) + 1, 6)
    k = torch.arange(top + 1)
    x = torch.linspace(-1.5, top + 0.5, 240, dtype=torch.float64)
    tail = torch.arange(int(seen), max(n, int(seen)) + 1)
    return {
        "k": k,
        "x": x,
        "binomial": my.binomial_log_pmf(k, n, p),
        "poisson": my.poisson_log_pmf(k, torch.tensor(mean, dtype=torch.float64)),
        "normal": my.normal_log_pdf(x, mean, spread),
        "seen": int(seen),
        "chance": my.binomial_log_pmf(tail, n, p).exp().sum(),
        "poisson_chance": 1
        - my.poisson_log_pmf(torch.arange(int(seen)), torch.tensor(mean, dtype=torch.float64)).exp().sum(),
        "normal_chance": 0.5 * math.erfc((int(seen) - 0.5 - mean) / spread / math.sqrt(2)),
    }


BLUE, ORANGE, GRAY = "#1c7ed6", "#d9480f", "#868e96"
LOWEST = -14.0


def _panel(figure, data, row, of_log):
    """One panel: each logarithm passed through ``of_log``, None where there is nothing to show."""
    import plotly.graph_objects as go

    k, x = [int(v) for v in data["k"]], [float(v) for v in data["x"]]
    first = row == 1
    seen = [ORANGE if one >= int(data["seen"]) else BLUE for one in k]
    heights = [of_log(float(v)) for v in data["binomial"]]
    base = None if first else LOWEST
    bars = go.Bar(
        x=k, y=[None if v is None else v - (base or 0.0) for v in heights], base=base, name="binomial", showlegend=first,
        marker={"color": seen}, customdata=[math.exp(float(v)) for v in data["binomial"]],
        hovertemplate="%{x}: %{customdata:.3g}<extra>binomial</extra>",
    )  # fmt: skip
    dots = go.Scatter(
        x=k, y=[of_log(float(v)) for v in data["poisson"]], mode="markers", name="Poisson", showlegend=first,
        marker={"size": 7, "color": GRAY, "line": {"color": "#ffffff", "width": 1}},
        customdata=[math.exp(float(v)) for v in data["poisson"]], hovertemplate="%{x}: %{customdata:.3g}<extra>Poisson</extra>",
    )  # fmt: skip
    line = go.Scatter(
        x=x, y=[of_log(float(v)) for v in data["normal"]], mode="lines", name="normal", showlegend=first,
        line={"color": "#2f9e44", "width": 2}, hoverinfo="skip",
    )  # fmt: skip
    for trace in (bars, dots, line):
        figure.add_trace(trace, row=row, col=1)


def _power_of_ten(log):
    power = log / math.log(10)
    return power if power >= LOWEST else None


def draw(data):
    from plotly.subplots import make_subplots

    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[0.5, 0.5], vertical_spacing=0.07)
    _panel(figure, data, 1, math.exp)
    _panel(figure, data, 2, _power_of_ten)
    grid = {"gridcolor": "rgba(134,142,150,.2)", "zeroline": False}
    figure.update_yaxes(title="probability", rangemode="tozero", row=1, col=1, **grid)
    figure.update_yaxes(title="power of ten", range=[LOWEST, 0.5], row=2, col=1, **grid)
    figure.update_xaxes(range=[-1.5, int(data["k"][-1]) + 0.5], showgrid=False, zeroline=False)
    figure.update_xaxes(title="how often the word is in the document", row=2, col=1)
    title = (
        f"{int(data['seen'])} times or more: {float(data['chance']):.3g}<br>"
        f"by Poisson {max(float(data['poisson_chance']), 0.0):.3g}   by the normal curve {float(data['normal_chance']):.3g}"
    )
    figure.update_layout(
        title={"text": title, "font": {"size": 15}},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": "#767676"},
        margin={"l": 60, "r": 15, "t": 70, "b": 95},
        height=600,
        bargap=0.2,
        legend={"orientation": "h", "y": -0.14, "yanchor": "top"},
    )
    return figure
