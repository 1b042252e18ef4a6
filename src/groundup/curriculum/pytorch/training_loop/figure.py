"""One small network trained twice from the same start on the same batches: with schedule and clipping, and without."""

import math

import torch
from torch.nn import functional

from groundup.authoring import slider

STEPS, EXAMPLES, BATCH, SIZES, MOMENTUM = 36, 128, 32, (2, 16, 16, 2), 0.9
PEAKS = ("0.05", "0.1", "0.2", "0.3", "0.5", "1.0", "2.0")
BOUNDS = ("none", "0.25", "0.5", "1.0", "2.0")

sliders = {
    "peak": slider("peak of the learning rate", choices=PEAKS, start="0.5"),
    "warmup": slider("updates of warm-up", 0, 18, step=2, start=8),
    "bound": slider("bound of the gradient's norm", choices=BOUNDS, start="0.5"),
}
needs_builds = ("clip_grad_norm", "warmup_cosine", "train_step")
caption = (
    "Blue: your settings. Gray: the peak as a constant learning rate, unclipped. Both start from the same weights and see "
    "the same batches, blue in two micro-batches. The middle shows the norm before clipping, on a logarithmic scale; the "
    "dotted line is the bound. A schedule has its price: up to 0.1, where nothing is in danger, gray is ahead, because blue "
    "takes smaller steps most of the time. From 0.2 on gray breaks out again and again; from 0.5 on clipping does most of "
    "the work, and in so short a run the warm-up little of it."
)


class _Network(torch.nn.Module):
    def __init__(self):
        super().__init__()
        generator = torch.Generator().manual_seed(2)
        values = []
        for wide, narrow in zip(SIZES, SIZES[1:]):
            values += [torch.randn(narrow, wide, generator=generator) / math.sqrt(wide), torch.zeros(narrow)]
        self.values = torch.nn.ParameterList(torch.nn.Parameter(one) for one in values)
        self.all = list(self.values)

    def forward(self, x):
        *hidden, weight, bias = self.all
        for at in range(0, len(hidden), 2):
            x = functional.linear(x, hidden[at], hidden[at + 1]).relu()
        return functional.linear(x, weight, bias)


class _Descent:
    """Gradient descent with momentum that clips before each step."""

    def __init__(self, params, clip):
        self.params, self.clip, self.rate, self.norms = params, clip, 0.0, []
        self.velocity = [torch.zeros_like(one) for one in params]

    def zero_grad(self):
        for one in self.params:
            one.grad = None

    @torch.no_grad()
    def step(self):
        self.norms.append(float(self.clip(self.params)))
        torch._foreach_mul_(self.velocity, MOMENTUM)
        torch._foreach_add_(self.velocity, [one.grad for one in self.params])
        torch._foreach_add_(self.params, self.velocity, alpha=-self.rate)


def _trained(my, rates, bound, micro):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(EXAMPLES, 2, generator=generator)
    y = (x[:, 0] * x[:, 1] > 0).long()
    model, batches = _Network(), torch.Generator().manual_seed(3)
    descent = _Descent(model.all, lambda params: my.clip_grad_norm(params, bound))
    losses = []
    for rate in rates:
        descent.rate = rate
        chosen = torch.randint(EXAMPLES, (BATCH,), generator=batches).chunk(micro)
        losses.append(
            float(my.train_step(model, functional.cross_entropy, descent, [(x[some], y[some]) for some in chosen]))
        )
    with torch.no_grad():
        return {
            "losses": losses,
            "norms": descent.norms,
            "rates": list(rates),
            "end": float(functional.cross_entropy(model(x), y)),
        }


def compute(my, peak, warmup, bound):
    top = float(peak)
    rates = [float(my.warmup_cosine(step, top, int(warmup), STEPS)) for step in range(STEPS)]
    limit = math.inf if bound == "none" else float(bound)
    return {
        "mine": _trained(my, rates, limit, 2),
        "plain": _trained(my, [top] * STEPS, math.inf, 1),
        "bound": None if bound == "none" else limit,
    }


ROWS = {"rates": (0.78, 1.0), "norms": (0.43, 0.71), "losses": (0.0, 0.36)}
TITLES = {"rates": "learning rate", "norms": "norm of the gradient", "losses": "loss on the batch"}
LOOKS = (("plain", "constant, unclipped", "#868e96"), ("mine", "schedule and clipping", "#1c7ed6"))
GRID = {"gridcolor": "rgba(134,142,150,.2)", "zeroline": False}


def draw(data):
    import plotly.graph_objects as go

    # Everything is given to Plotly at once: each addition to a figure that is there costs as much as all of this.
    lines, axes, notes = [], {}, []
    for row, (what, domain) in enumerate(ROWS.items(), 1):
        axes[f"xaxis{row}"] = {
            "range": [-1, STEPS],
            "anchor": f"y{row}",
            "matches": "x3",
            "showticklabels": row == 3,
            **GRID,
        }
        axes[f"yaxis{row}"] = {"domain": domain, "anchor": f"x{row}", "rangemode": "tozero", **GRID}
        notes.append(
            {"text": TITLES[what], "x": 0.5, "y": domain[1], "xref": "paper", "yref": "paper", "yanchor": "bottom",
             "showarrow": False, "font": {"size": 15}}
        )  # fmt: skip
        for key, name, color in LOOKS:
            values = [float(one) for one in data[key][what]]
            if what == "norms":
                values = [max(one, 1e-4) for one in values]
            lines.append(
                {"type": "scatter", "x": list(range(len(values))), "y": values, "xaxis": f"x{row}", "yaxis": f"y{row}",
                 "name": name, "mode": "lines", "line": {"color": color, "width": 2.5}, "legendgroup": key,
                 "showlegend": row == 3, "hovertemplate": "update %{x}: %{y:.3g}<extra></extra>"}
            )  # fmt: skip
    axes["xaxis3"]["title"] = {"text": "update"}
    axes["yaxis2"] |= {"type": "log", "dtick": 1}
    highest = max(float(one) for key in ("mine", "plain") for one in data[key]["losses"])
    axes["yaxis3"]["range"] = [0, min(max(1.0, 1.05 * highest), 4.0)]
    bound = []
    if data["bound"] is not None:
        here = float(data["bound"])
        bound = [
            {"type": "line", "xref": "x2 domain", "x0": 0, "x1": 1, "yref": "y2", "y0": here, "y1": here,
             "line": {"color": "#d9480f", "dash": "dot", "width": 2}}
        ]  # fmt: skip
    ends = [float(data[key]["end"]) for key in ("mine", "plain")]
    layout = {
        **axes,
        "title": {
            "text": f"loss on all data at the end: {ends[0]:.2f} (blue), {ends[1]:.2f} (gray)",
            "font": {"size": 15}, "y": 0.985, "yanchor": "top",
        },
        "annotations": notes,
        "shapes": bound,
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"color": "#767676"},
        "margin": {"l": 50, "r": 15, "t": 75, "b": 75},
        "height": 640,
        "legend": {"orientation": "h", "y": -0.13, "yanchor": "top"},
    }  # fmt: skip
    return go.Figure({"data": lines, "layout": layout})
