"""A deep stack of random layers in four arrangements: how large the vectors become, and how much gradient each layer gets."""

import math

import torch

from groundup.authoring import slider

DIM, POSITIONS = 32, 7
ARRANGEMENTS = ("no residual, no norm", "residual, no norm", "post-norm", "pre-norm")
COLORS = ("#868e96", "#1c7ed6", "#d9480f", "#2b8a3e")
NORMS = ("layer norm", "RMS norm")

sliders = {
    "depth": slider("number of layers", 4, 40, step=4, start=24),
    "gain": slider("size of the layers' weights", 0.2, 2.0, step=0.1, start=1.0),
    "norm": slider("norm", choices=NORMS, start="layer norm"),
}
needs_builds = ("layer_norm", "rms_norm", "pre_norm", "post_norm")
caption = (
    "Seven vectors of 32 numbers go through a stack of random layers, each a matrix and a tanh. Above: the size of the entries "
    "behind each layer. Below: the length of the gradient that each layer's matrix gets. Both scales are logarithmic. Without a "
    "residual, entries and gradients vanish where the weights are small, and the gradients of early layers explode where they "
    "are large. With a residual and no norm both grow with the depth. Post-norm keeps entries at size 1, and its last layer "
    "gets the same large gradient however deep the stack; pre-norm lets the entries grow slowly, and its final norm divides "
    "by their size, so that the gradients of the last layers shrink as the stack gets deeper."
)


def compute(my, depth, gain, norm):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(POSITIONS, DIM, generator=generator)
    ending = torch.randn(POSITIONS, DIM, generator=generator)
    layers = [torch.randn(DIM, DIM, generator=generator) * (gain / math.sqrt(DIM)) for _ in range(int(depth))]
    layers = [layer.requires_grad_() for layer in layers]
    weight, bias = torch.ones(DIM), torch.zeros(DIM)

    def normalized(y):
        return my.layer_norm(y, weight, bias) if norm == "layer norm" else my.rms_norm(y, weight)

    found = {}
    for name in ARRANGEMENTS:
        states = [x]
        for layer in layers:
            states.append(_step(my, name, states[-1], normalized, layer))
        # A pre-norm model ends with one norm, as the others of this kind have theirs in each layer.
        result = normalized(states[-1]) if name == "pre-norm" else states[-1]
        gradients = torch.autograd.grad((result * ending).sum(), layers)
        found[name] = {
            "sizes": torch.stack([one.detach().square().mean().sqrt() for one in states]),
            "gradients": torch.stack([one.norm() for one in gradients]),
        }
    return found


def _step(my, name, x, norm, weight):
    def layer(y):
        return torch.tanh(y @ weight)

    if name == "pre-norm":
        return my.pre_norm(x, norm, layer)
    if name == "post-norm":
        return my.post_norm(x, norm, layer)
    return x + layer(x) if name == "residual, no norm" else layer(x)


def draw(data):
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.1)
    for row, key in ((1, "sizes"), (2, "gradients")):
        for name, color in zip(ARRANGEMENTS, COLORS):
            values = [min(max(float(one), 1e-12), 1e12) for one in data[name][key]]
            figure.add_trace(
                go.Scatter(
                    x=list(range(int(key == "gradients"), len(values) + (key == "gradients"))), y=values, name=name, mode="lines", showlegend=row == 1,
                    legendgroup=name, line={"color": color, "width": 2.5},
                    hovertemplate=f"{name}, layer %{{x}}: %{{y:.3g}}<extra></extra>",
                ),
                row=row, col=1,
            )  # fmt: skip
    grid = "rgba(134,142,150,.2)"
    figure.update_xaxes(gridcolor=grid, zeroline=False)
    figure.update_xaxes(title="layer", row=2, col=1)
    figure.update_yaxes(type="log", gridcolor=grid, exponentformat="power", dtick=1)
    figure.update_yaxes(title="size of the entries", row=1, col=1)
    figure.update_yaxes(title="length of the gradient", row=2, col=1)
    for row, key in ((1, "sizes"), (2, "gradients")):
        figure.update_yaxes(range=_span(data, key), row=row, col=1)
    pre, post = (float(data[name]["gradients"][-1]) for name in ("pre-norm", "post-norm"))
    said = f"gradient of the last layer:<br>pre-norm {pre:.1f}, post-norm {post:.1f}"
    figure.update_layout(
        title={"text": said, "font": {"size": 15}, "y": 0.965, "yanchor": "top"},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": "#767676"},
        legend={"orientation": "h", "y": -0.19, "yanchor": "top"},
        margin={"l": 70, "r": 15, "t": 65, "b": 120},
        height=600,
    )
    return figure


def _span(data, key):
    """Powers of ten that hold the curves, three of them at least and twelve at most on either side."""
    values = [float(one) for name in ARRANGEMENTS for one in data[name][key]]
    logs = [math.log10(min(max(one, 1e-12), 1e12)) for one in values if one == one]
    return [min(math.floor(min(logs, default=0.0)), -1) - 0.2, max(math.ceil(max(logs, default=0.0)), 1) + 0.2]
