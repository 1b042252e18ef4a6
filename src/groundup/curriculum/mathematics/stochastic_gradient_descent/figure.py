"""A path by small batches beside one by all examples, seen from above; below, the loss for the examples looked at."""

import math

import torch

from groundup.authoring import slider

EXAMPLES, REACH = 60, 2.6
START = (-2.2, 2.0)

sliders = {
    "batch": slider("batch size", choices=("1", "3", "10", "30", "60"), start="1"),
    "rate": slider("learning rate", 0.02, 0.5, step=0.02, start=0.16),
    "epochs": slider("epochs: passes over the 60 examples", 1, 6, step=1, start=2),
    "draw": slider("random order number", 1, 20, step=1, start=1),
}
needs_builds = ("sgd",)
caption = (
    "Sixty examples (crosses) each pull the two weights towards themselves; the lowest mean loss is in the middle of them, at the "
    "diamond. The orange path steps after each batch, the violet one only after looking at all sixty, with the same rate. Below: how "
    "far the loss is above the lowest, against the number of examples looked at, on a scale of powers of ten. Small batches are ahead at "
    "first; then they stall, the higher the larger the rate is for the batch."
)


def _pull(x, batch):
    return (x - batch).mean(dim=0)


def compute(my, batch, rate, epochs, draw):
    spread = torch.tensor([[0.9, 0.25], [0.25, 0.5]], dtype=torch.float64)
    data = torch.randn(EXAMPLES, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(7)) @ spread
    data = data - data.mean(dim=0)
    start, size, epochs = torch.tensor(START, dtype=torch.float64), int(batch), int(epochs)

    def walk(size):
        places = []

        def noted(x, rows):
            places.append(x.clone())  # it may be one tensor that is changed in place
            return _pull(x, rows)

        end = my.sgd(noted, start, data, rate, epochs, size, torch.Generator().manual_seed(int(draw)))
        return torch.stack([*places, end])

    paths = [walk(EXAMPLES), walk(size)]
    return {
        "data": data,
        "paths": paths,
        "looked": [[min(step * one, epochs * EXAMPLES) for step in range(len(p))] for one, p in zip((60, size), paths)],
        # Half the squared distance from the mean is what the mean loss has above its lowest.
        "above": [(path.square().sum(-1) / 2).clamp_min(1e-9) for path in paths],
        "size": size,
    }


STYLES = (("all 60", "#ae3ec9", "square", "dash"), ("batches", "#e8590c", "circle", "solid"))


def _map(figure, data):
    import plotly.graph_objects as go

    def marks(places, symbol, color, size, name):
        return go.Scatter(
            x=[float(place[0]) for place in places], y=[float(place[1]) for place in places], mode="markers",
            showlegend=False, hovertemplate=name + " (%{x:.2f}, %{y:.2f})<extra></extra>",
            marker={"symbol": symbol, "size": size, "color": color, "line": {"width": 1, "color": color}},
        )  # fmt: skip

    figure.add_trace(marks(data["data"], "x-thin", "#868e96", 7, "an example"), row=1, col=1)
    for path, (name, color, symbol, dash) in zip(data["paths"], STYLES):
        line = go.Scatter(
            x=[float(place[0]) for place in path], y=[float(place[1]) for place in path], mode="lines+markers",
            showlegend=False, line={"color": color, "width": 1.6, "dash": dash},
            marker={"size": 5, "symbol": symbol, "color": color}, customdata=list(range(len(path))),
            hovertemplate=name + ", step %{customdata}: (%{x:.2f}, %{y:.2f})<extra></extra>",
        )  # fmt: skip
        figure.add_trace(line, row=1, col=1)
    figure.add_trace(marks([(0.0, 0.0)], "diamond", "#2f9e44", 13, "the lowest mean loss"), row=1, col=1)
    style = {"range": [-REACH, REACH], "gridcolor": "rgba(134,142,150,.2)", "zeroline": False}
    figure.update_xaxes(title="first weight", constrain="domain", row=1, col=1, **style)
    figure.update_yaxes(title="second weight", scaleanchor="x", constrain="domain", row=1, col=1, **style)


def _curves(figure, data):
    import plotly.graph_objects as go

    for looked, above, (name, color, symbol, dash) in zip(data["looked"], data["above"], STYLES):
        label = name if name != "batches" else f"batches of {int(data['size'])}"
        curve = go.Scatter(
            x=[int(one) for one in looked], y=[float(one) for one in above], mode="lines+markers", name=label,
            line={"color": color, "width": 2, "dash": dash}, marker={"size": 5, "symbol": symbol, "color": color},
            hovertemplate=label + " after %{x} examples: %{y:.3g}<extra></extra>",
        )  # fmt: skip
        figure.add_trace(curve, row=2, col=1)
    low = min(min(float(one) for one in above) for above in data["above"])
    grid = {"gridcolor": "rgba(134,142,150,.2)", "zeroline": False}
    figure.update_xaxes(title="examples looked at", row=2, col=1, **grid)
    figure.update_yaxes(
        title="loss above the lowest", type="log", range=[math.floor(math.log10(low) - 0.1), 1.2], exponentformat="power",
        nticks=6, row=2, col=1, **grid,
    )  # fmt: skip


def draw(data):
    from plotly.subplots import make_subplots

    figure = make_subplots(rows=2, cols=1, row_heights=[0.6, 0.4], vertical_spacing=0.13)
    _map(figure, data)
    _curves(figure, data)
    ends = [f"{float(above[-1]):.2g}" for above in data["above"]]
    steps = [len(path) - 1 for path in data["paths"]]
    title = (
        f"above the lowest loss by {ends[1]} after {steps[1]} steps with {int(data['size'])}"
        f"<br>and by {ends[0]} after {steps[0]} with all 60: the same work"
    )
    figure.update_layout(
        title={"text": title, "font": {"size": 15}},
        legend={"orientation": "h", "y": -0.1, "x": 0.5, "xanchor": "center", "yanchor": "top"},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": "#767676"},
        margin={"l": 65, "r": 15, "t": 65, "b": 80},
        height=760,
    )
    return figure
