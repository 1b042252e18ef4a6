"""How hidden units add up to a curve: a feed-forward layer fitted to one number, unit by unit."""

import math

import torch

from groundup.authoring import slider

POINTS = 121
KINDS = ("nothing bent", "feed_forward (ReLU)", "swiglu")
TARGETS = {
    "a wave": lambda t: torch.sin(2.0 * t),
    "only the middle": lambda t: torch.exp(-2.0 * t * t),
    "a step": lambda t: (t > 0.3).double(),
}

sliders = {
    "units": slider("hidden units", 2, 24, step=1, start=6),
    "kind": slider("layer", choices=KINDS, start="feed_forward (ReLU)"),
    "target": slider("curve to draw", choices=tuple(TARGETS), start="a wave"),
}
needs_builds = ("feed_forward", "swiglu")
caption = (
    "The layer gets vectors (t, 1) and is to give one number. Thin lines: what each hidden unit writes, times its weight. Thick "
    "line: their sum, the result. Dashed: the curve that is wanted. Each ReLU unit is straight with one kink, and the sum has as "
    "many kinks as units; SwiGLU's units are bent softly, like parabolas on one side, and the sum is smooth. With nothing bent "
    "any number of units gives a straight line. The first weights are given; only the last matrix is fitted to the curve."
)


def compute(my, units, kind, target):
    units = int(units)
    t = torch.linspace(-3.0, 3.0, POINTS, dtype=torch.float64)
    x = torch.stack([t, torch.ones_like(t)], dim=1)
    generator = torch.Generator().manual_seed(1)
    # Unit i turns at a place of its own, one to the right and the next to the left, with a slope of its own.
    places = (torch.arange(units, dtype=torch.float64) + 0.5) / units * 5.0 - 2.5
    slope = (0.75 + torch.rand(24, generator=generator, dtype=torch.float64))[:units] * (-1.0) ** torch.arange(units)
    w_in = torch.stack([slope, -slope * places])
    w_up = torch.randn(2, 24, generator=generator, dtype=torch.float64)[:, :units]

    def layer(x, last):
        if kind == "swiglu":
            return my.swiglu(x, 2.0 * w_in, w_up, last)
        return my.feed_forward(x, w_in, last) if kind == KINDS[1] else x @ w_in @ last

    # With the identity as its last matrix the layer gives the hidden entries themselves.
    hidden = layer(x, torch.eye(units, dtype=torch.float64))
    wanted = TARGETS[target](t)
    square = hidden.T @ hidden + 1e-3 * torch.eye(units, dtype=torch.float64)
    last = torch.linalg.solve(square, hidden.T @ wanted).unsqueeze(1)
    return {
        "t": t,
        "wanted": wanted,
        "result": layer(x, last).squeeze(1),
        "parts": (hidden * last.T).T,
        "kind": kind,
        "numbers": units * (5 if kind == "swiglu" else 3),
    }


def draw(data):
    import plotly.graph_objects as go

    t = [round(float(one), 3) for one in data["t"]]
    wanted, result = ([float(one) for one in data[key]] for key in ("wanted", "result"))
    figure = go.Figure()
    for number, part in enumerate(data["parts"]):
        figure.add_trace(
            go.Scatter(
                x=t, y=[float(one) for one in part], mode="lines", line={"color": "rgba(28,126,214,.45)", "width": 1},
                name="each unit", legendgroup="units", showlegend=number == 0, hoverinfo="skip",
            )
        )  # fmt: skip
    figure.add_trace(
        go.Scatter(x=t, y=wanted, mode="lines", line={"color": "#868e96", "width": 2, "dash": "dash"}, name="wanted")
    )
    figure.add_trace(go.Scatter(x=t, y=result, mode="lines", line={"color": "#d9480f", "width": 3}, name="result"))
    error = math.sqrt(sum((a - b) ** 2 for a, b in zip(result, wanted)) / len(wanted))
    figure.update_xaxes(title="t", gridcolor="rgba(134,142,150,.2)", zeroline=False)
    figure.update_yaxes(range=[-2.2, 2.2], gridcolor="rgba(134,142,150,.2)", zerolinecolor="rgba(134,142,150,.5)")
    figure.update_layout(
        title={
            "text": f"root of the mean squared error: {error:.3f}<br>with {int(data['numbers'])} numbers in the weights",
            "font": {"size": 15},
            "y": 0.965,
            "yanchor": "top",
        },
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": "#767676"},
        legend={"orientation": "h", "y": -0.2, "yanchor": "top"},
        margin={"l": 45, "r": 15, "t": 70, "b": 80},
        height=480,
    )
    return figure
