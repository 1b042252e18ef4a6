"""Bayes' rule as areas: two hypotheses side by side, what was observed as a height, the posterior as a share of area."""

import torch

from groundup.authoring import slider

sliders = {
    "prior": slider("documents about rivers (of 100)", 1, 99, step=1, start=20),
    "hit": slider("word in a document about rivers (%)", 0, 100, step=5, start=80),
    "alarm": slider("word in any other document (%)", 0, 100, step=5, start=30),
    "times": slider("independent words like it", 0, 8, step=1, start=1),
}
needs_builds = ("total_probability", "bayes")
caption = (
    "Left: a square of all documents. Its width is shared out by the prior, and in each part the height is the chance that "
    "the word is in the document. The colored area is P(word); the blue share of it is the posterior. With several "
    "independent words the heights are powers. Right: the posterior for every prior, against the diagonal of no "
    "evidence. Set both chances to one value: nothing is learned. Set the second to 0: one word settles it."
)


def compute(my, prior, hit, alarm, times):
    rivers = prior / 100
    likelihood = torch.tensor([[1 - hit / 100, hit / 100], [1 - alarm / 100, alarm / 100]], dtype=torch.float64)
    seen = torch.ones(int(times), dtype=torch.int64)
    belief = torch.tensor([rivers, 1 - rivers], dtype=torch.float64)
    grid = torch.arange(1, 100, 2, dtype=torch.float64) / 100
    together = likelihood[:, 1] ** len(seen)
    return {
        "prior": rivers,
        "heights": together,
        "evidence": my.total_probability(belief, together.unsqueeze(-1))[..., 0],
        "posterior": my.bayes(belief, likelihood, seen)[..., 0],
        "grid": grid,
        "curve": my.bayes(torch.stack([grid, 1 - grid], dim=-1), likelihood, seen)[..., 0],
        "times": int(times),
    }


BLUE, ORANGE, GRAY = "#1c7ed6", "#d9480f", "#868e96"


def _square(figure, data):
    """The unit square: a column for each hypothesis, colored up to the height of its likelihood."""
    import plotly.graph_objects as go

    prior = float(data["prior"])
    heights = [float(value) for value in data["heights"]]
    for name, color, left, right, height in (
        ("rivers and word", BLUE, 0.0, prior, heights[0]),
        ("other and word", ORANGE, prior, 1.0, heights[1]),
    ):
        area = (right - left) * height
        box = go.Scatter(
            x=[left, left, right, right, left], y=[0, height, height, 0, 0], name=name, mode="lines", fill="toself",
            line={"color": color, "width": 1}, fillcolor=color, opacity=0.75,
            hovertemplate=f"{name}: area {area:.4f}<extra></extra>",
        )  # fmt: skip
        figure.add_trace(box, row=1, col=1)
    frame = go.Scatter(
        x=[0, 0, 1, 1, 0, None, prior, prior], y=[0, 1, 1, 0, 0, None, 0, 1], mode="lines", showlegend=False,
        line={"color": GRAY, "width": 1.5}, hoverinfo="skip",
    )  # fmt: skip
    figure.add_trace(frame, row=1, col=1)
    figure.update_xaxes(title="share of documents", range=[-0.02, 1.02], showgrid=False, zeroline=False, row=1, col=1)
    figure.update_yaxes(title="P(word | kind)", range=[-0.02, 1.02], showgrid=False, zeroline=False, row=1, col=1)


def _curve(figure, data):
    """The posterior over the prior, and where we are."""
    import plotly.graph_objects as go

    grid = [float(value) for value in data["grid"]]
    lines = (
        ("posterior", [float(value) for value in data["curve"]], {"color": BLUE, "width": 3}),
        ("no evidence", grid, {"color": GRAY, "width": 1, "dash": "dot"}),
    )
    for name, values, style in lines:
        curve = go.Scatter(
            x=grid,
            y=values,
            name=name,
            mode="lines",
            line=style,
            hovertemplate="prior %{x:.2f}: %{y:.3f}<extra></extra>",
        )
        figure.add_trace(curve, row=1, col=2)
    here = go.Scatter(
        x=[float(data["prior"])], y=[float(data["posterior"])], mode="markers", showlegend=False,
        marker={"size": 12, "color": ORANGE, "symbol": "diamond"},
        hovertemplate="prior %{x:.2f}: %{y:.3f}<extra></extra>",
    )  # fmt: skip
    figure.add_trace(here, row=1, col=2)
    grid_style = {"range": [-0.02, 1.02], "gridcolor": "rgba(134,142,150,.2)", "zeroline": False}
    figure.update_xaxes(title="prior", row=1, col=2, **grid_style)
    figure.update_yaxes(title="posterior", row=1, col=2, **grid_style)


def draw(data):
    from plotly.subplots import make_subplots

    figure = make_subplots(rows=1, cols=2, horizontal_spacing=0.14)
    _square(figure, data)
    _curve(figure, data)
    evidence, posterior = float(data["evidence"]), float(data["posterior"])
    what = {0: "nothing seen", 1: "one word seen"}.get(data["times"], f"{data['times']} words seen")
    after = f"posterior = {posterior:.3f}" if evidence > 0 else "seen, though both hypotheses exclude it"
    figure.update_layout(
        title={"text": f"{what}: P(seen) = {evidence:.4g}   {after}", "font": {"size": 15}},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": "#767676"},
        margin={"l": 50, "r": 15, "t": 50, "b": 90},
        height=440,
        legend={"orientation": "h", "y": -0.22, "yanchor": "top"},
    )
    return figure
