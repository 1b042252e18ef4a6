"""What a wrong answer costs, and how hard each loss pulls: cross-entropy against the squared error of the shares."""

import torch

from groundup.authoring import slider

WORDS = ("tired", "hungry", "late", "purple")
OTHERS = (1.0, 0.0, -2.0)
LOW, HIGH, STEPS = -8.0, 8.0, 49

sliders = {
    "logit": slider("logit of the right word, “tired”", LOW, HIGH, step=0.5, start=-3.0),
    "smoothing": slider("label smoothing", 0.0, 0.4, step=0.05, start=0.0),
}
needs_builds = ("mse_loss", "cross_entropy")
caption = (
    "A model chooses among four words after “the cat sat because it was”; “tired” came. Above: what its logit costs, and below "
    "that the slope of the two curves, which is the pull that training exerts on it. Far on the left, where the model is sure and "
    "wrong, the squared error is at its highest and flat: no pull. The cross-entropy pulls with nearly its full strength. With label "
    "smoothing the curve turns up again on the right: a logit can be too large. At the bottom: the shares as they are, and the "
    "shares that are aimed at; the gradient of the cross-entropy is the difference of the two."
)


def _logits(first):
    return torch.cat([first.unsqueeze(-1), torch.tensor(OTHERS).expand(len(first), 3)], dim=-1)


def compute(my, logit, smoothing):
    first = torch.linspace(LOW, HIGH, STEPS).requires_grad_()
    logits = _logits(first)
    right = torch.tensor([0])
    truth = torch.tensor([1.0, 0.0, 0.0, 0.0])
    shares = torch.softmax(logits, dim=-1)
    cross = [my.cross_entropy(row[None], right, label_smoothing=smoothing) for row in logits]
    squared = [my.mse_loss(row, truth) for row in shares]
    (pull,) = torch.autograd.grad(sum(cross), first, retain_graph=True)
    (weak,) = torch.autograd.grad(sum(squared), first)
    now = _logits(torch.tensor([float(logit)])).requires_grad_()
    loss = my.cross_entropy(now, right, label_smoothing=smoothing)
    (gradient,) = torch.autograd.grad(loss, now)
    return {
        "x": first.detach(),
        "cross": [one.item() for one in cross],
        "squared": [one.item() for one in squared],
        "pull": pull,
        "weak": weak,
        "shares": torch.softmax(now.detach(), dim=-1)[0],
        "aims": torch.softmax(now.detach(), dim=-1)[0] - gradient[0],
        "loss": loss.item(),
        "slope": gradient[0, 0],
        "logit": float(logit),
    }


def draw(data):
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    blue, orange, gray = "#1c7ed6", "#d9480f", "rgba(134,142,150,.25)"
    x = [float(value) for value in data["x"]]
    figure = make_subplots(rows=3, cols=1, row_heights=[0.36, 0.3, 0.34], vertical_spacing=0.12)
    curves = (
        ("cross-entropy", "cross", "pull", blue, "solid"),
        ("squared error of the shares", "squared", "weak", orange, "dash"),
    )
    for name, height, slope, color, dash in curves:
        for row, key in ((1, height), (2, slope)):
            curve = go.Scatter(
                x=x, y=[float(value) for value in data[key]], name=name, mode="lines", showlegend=row == 1,
                line={"color": color, "width": 2.5, "dash": dash}, hovertemplate="%{x:.2f}: %{y:.3f}",
            )  # fmt: skip
            figure.add_trace(curve, row=row, col=1)
    for row, key in ((1, "loss"), (2, "slope")):
        point = go.Scatter(
            x=[data["logit"]], y=[float(data[key])], mode="markers", showlegend=False, hoverinfo="skip",
            marker={"size": 12, "color": blue, "symbol": "diamond", "line": {"color": "#ffffff", "width": 1}},
        )  # fmt: skip
        figure.add_trace(point, row=row, col=1)
    for name, key, color in (("share", "shares", "#868e96"), ("aim", "aims", "#2b8a3e")):
        heights = [float(value) for value in data[key]]
        bars = go.Bar(
            x=list(WORDS), y=heights, name=name, marker={"color": color}, textposition="outside", cliponaxis=False,
            text=[f"{height + 0.0:.2f}" for height in heights], hovertemplate="%{x}: %{y:.3f}",
        )  # fmt: skip
        figure.add_trace(bars, row=3, col=1)
    grid = {"gridcolor": gray, "zeroline": True, "zerolinecolor": "#868e96"}
    figure.update_xaxes(range=[LOW, HIGH], row=1, col=1, **grid)
    figure.update_xaxes(
        title={"text": "logit of the right word", "standoff": 4}, range=[LOW, HIGH], row=2, col=1, **grid
    )
    figure.update_yaxes(title="loss", range=[-0.4, 9.8], row=1, col=1, **grid)
    figure.update_yaxes(title="slope", range=[-1.1, 0.5], row=2, col=1, **grid)
    figure.update_yaxes(title="share", range=[0, 1.2], tickvals=[0, 0.5, 1], gridcolor=gray, row=3, col=1)
    figure.update_layout(
        title={"text": f"loss {data['loss']:.2f}, slope {float(data['slope']):.3f}", "font": {"size": 15}},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": "#767676"},
        margin={"l": 60, "r": 15, "t": 85, "b": 40},
        height=760,
        barmode="group",
        legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0.5, "xanchor": "center"},
    )
    return figure
