"""An activation with its slope, and what it does to the size of a signal on its way through twenty-five layers."""

import math

import torch

from groundup.authoring import slider

BENDS = ("relu", "gelu", "silu", "none")
WIDTH, LAYERS, VECTORS = 96, 25, 64

sliders = {
    "bend": slider("activation", choices=BENDS, start="relu"),
    "factor": slider("first weights of kaiming_init multiplied by", 0.5, 1.5, step=0.05, start=1.0),
}
needs_builds = ("relu", "gelu", "silu", "kaiming_init")
caption = (
    "Above: the activation, and its slope, which is what the backward pass multiplies by. Below: 64 random vectors go through "
    "25 layers of 96 units whose weights begin as kaiming_init makes them, times a factor; the line shows the root of "
    "their mean square after each layer, on a scale where each line is a factor of a thousand. With ReLU and a factor of 1 it runs "
    "level: the 2 in the variance makes up for the half that is cut off. With no activation the same weights are too "
    "large. GELU and SiLU let less through near zero, and the smaller the signal gets the more of it they lose."
)


def compute(my, bend, factor):
    bends = {"relu": my.relu, "gelu": my.gelu, "silu": my.silu, "none": lambda x: x}
    x = torch.linspace(-4.0, 4.0, 161).requires_grad_()
    y = bends[bend](x)
    (slope,) = torch.autograd.grad(y.sum(), x)
    source = torch.Generator().manual_seed(7)
    signal = torch.randn(VECTORS, WIDTH, generator=source)
    sizes = [signal.square().mean().sqrt().item()]
    with torch.no_grad():
        for _ in range(LAYERS):
            weight = my.kaiming_init(torch.empty(WIDTH, WIDTH), source) * factor
            signal = bends[bend](signal @ weight.T)
            sizes.append(signal.square().mean().sqrt().item())
    return {"x": x.detach(), "y": y.detach(), "slope": slope, "sizes": sizes, "bend": bend, "factor": factor}


def draw(data):
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    blue, orange, gray = "#1c7ed6", "#d9480f", "rgba(134,142,150,.25)"
    x = [float(value) for value in data["x"]]
    figure = make_subplots(rows=2, cols=1, row_heights=[0.5, 0.5], vertical_spacing=0.16)
    for name, key, color, dash in (("activation", "y", blue, "solid"), ("its slope", "slope", orange, "dash")):
        curve = go.Scatter(
            x=x, y=[float(value) for value in data[key]], name=name, mode="lines",
            line={"color": color, "width": 3, "dash": dash}, hovertemplate="%{x:.2f}: %{y:.3f}",
        )  # fmt: skip
        figure.add_trace(curve, row=1, col=1)
    sizes = [float(size) for size in data["sizes"]]
    logarithms = [math.log10(max(size, 1e-12)) for size in sizes]
    line = go.Scatter(
        x=list(range(len(sizes))), y=logarithms, mode="lines+markers", showlegend=False, customdata=sizes,
        line={"color": blue, "width": 2}, hovertemplate="after layer %{x}: %{customdata:.3g}<extra></extra>",
    )  # fmt: skip
    figure.add_trace(line, row=2, col=1)
    figure.add_hline(y=logarithms[0], line={"color": "#868e96", "dash": "dot", "width": 1}, row=2, col=1)
    grid = {"gridcolor": gray, "zeroline": True, "zerolinecolor": "#868e96"}
    figure.update_xaxes(title="entry", range=[-4, 4], row=1, col=1, **grid)
    figure.update_yaxes(range=[-1.2, 4.2], row=1, col=1, **grid)
    figure.update_xaxes(title="layers passed", range=[-0.5, LAYERS + 0.5], row=2, col=1, gridcolor=gray, zeroline=False)
    ticks = list(range(-9, 10, 3))
    figure.update_yaxes(
        title="size of the signal", range=[-9.5, 9.5], tickvals=ticks, gridcolor=gray, zeroline=False,
        ticktext=[f"10<sup>{tick}</sup>" if tick else "1" for tick in ticks], row=2, col=1,
    )  # fmt: skip
    name = "no activation" if data["bend"] == "none" else str(data["bend"])
    each = (sizes[-1] / sizes[0]) ** (1 / LAYERS)
    figure.update_layout(
        title={"text": f"{name}: each layer makes the signal {each:.2f} times as large", "font": {"size": 15}},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": "#767676"},
        margin={"l": 60, "r": 15, "t": 70, "b": 50},
        height=620,
        legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 1.0, "xanchor": "right"},
    )
    return figure
