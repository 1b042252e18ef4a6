"""Two groups, and what chance makes of them: the differences of random divisions, and where the actual one lies."""

import torch

from groundup.authoring import slider

sliders = {
    "shift": slider("true difference of the means", 0.0, 10.0, step=0.5, start=4.0),
    "first": slider("texts in the first group", 2, 40, step=1, start=8),
    "second": slider("texts in the second group", 2, 40, step=1, start=10),
    "spread": slider("spread of lengths", 1.0, 10.0, step=0.5, start=5.0),
    "sample": slider("another sample", 1, 30, step=1, start=1),
}
needs_builds = ("t_statistic", "permutation_p_value")
caption = (
    "Above: the lengths of the texts in two groups, with their means. Below: the differences of means when the labels are handed "
    "out anew, 999 times; orange is what is at least as large as the actual difference, which the line marks. Draw other "
    "samples: with a true difference of 0, p is below 0.05 once in twenty times. With a true difference and few texts, p is "
    "often large: that is no proof that there is nothing."
)
TRIES = 999


def compute(my, shift, first, second, spread, sample):
    generator = torch.Generator().manual_seed(1000 + int(sample))
    drawn = torch.randn(80, generator=generator, dtype=torch.float64) * spread + 30
    a, b = drawn[: int(first)] + shift, drawn[40 : 40 + int(second)]
    pooled = torch.cat([a, b])
    orders = torch.rand(TRIES, len(pooled), generator=torch.Generator().manual_seed(7)).argsort(dim=-1)
    groups = pooled[orders]
    return {
        "a": a,
        "b": b,
        "differences": groups[:, : len(a)].mean(dim=-1) - groups[:, len(a) :].mean(dim=-1),
        "actual": a.mean() - b.mean(),
        "t": my.t_statistic(a, b),
        "p": my.permutation_p_value(a, b, TRIES, torch.Generator().manual_seed(7)),
    }


BLUE, ORANGE, GRAY = "#1c7ed6", "#d9480f", "#868e96"
BINS = 41


def _groups(figure, data):
    import plotly.graph_objects as go

    for height, (name, key, color) in enumerate((("second", "b", GRAY), ("first", "a", BLUE))):
        values = [float(v) for v in data[key]]
        dots = go.Scatter(
            x=values, y=[height] * len(values), mode="markers", showlegend=False,
            marker={"size": 10, "color": color, "opacity": 0.6}, hovertemplate="%{x:.1f} words<extra></extra>",
        )  # fmt: skip
        mean = sum(values) / len(values)
        bar = go.Scatter(
            x=[mean, mean], y=[height - 0.3, height + 0.3], mode="lines", line={"color": color, "width": 4},
            showlegend=False, hovertemplate=f"mean of the {name} group {mean:.2f}<extra></extra>",
        )  # fmt: skip
        figure.add_trace(dots, row=1, col=1)
        figure.add_trace(bar, row=1, col=1)
    figure.update_xaxes(title="words in a text", gridcolor="rgba(134,142,150,.2)", zeroline=False, row=1, col=1)
    figure.update_yaxes(tickvals=[0, 1], ticktext=["second", "first"], range=[-0.6, 1.6], showgrid=False, row=1, col=1)


def _divisions(figure, data):
    import plotly.graph_objects as go

    found, actual = [float(v) for v in data["differences"]], float(data["actual"])
    reach = max(*(abs(v) for v in found), abs(actual)) * 1.05 + 1e-9
    width = 2 * reach / BINS
    extreme, ordinary = [0] * BINS, [0] * BINS
    for v in found:
        place = min(int((v + reach) / width), BINS - 1)
        (extreme if abs(v) >= abs(actual) - 1e-9 else ordinary)[place] += 1
    centers = [-reach + (i + 0.5) * width for i in range(BINS)]
    for counts, color, name in ((ordinary, BLUE, "smaller"), (extreme, ORANGE, "at least as large")):
        bars = go.Bar(
            x=centers, y=counts, width=width, marker={"color": color}, name=name,
            hovertemplate="about %{x:.2f}: %{y} times<extra></extra>",
        )  # fmt: skip
        figure.add_trace(bars, row=2, col=1)
    top = max(a + b for a, b in zip(extreme, ordinary)) * 1.1
    line = go.Scatter(
        x=[actual, actual], y=[0, top], mode="lines", line={"color": ORANGE, "width": 3, "dash": "dash"}, name="actual",
        hovertemplate=f"actual difference {actual:.2f}<extra></extra>",
    )  # fmt: skip
    figure.add_trace(line, row=2, col=1)
    figure.update_xaxes(title="difference of the means", range=[-reach, reach], showgrid=False, row=2, col=1)
    figure.update_yaxes(title=f"of {TRIES} divisions", gridcolor="rgba(134,142,150,.2)", row=2, col=1)


def draw(data):
    from plotly.subplots import make_subplots

    figure = make_subplots(rows=2, cols=1, row_heights=[0.32, 0.68], vertical_spacing=0.17)
    _groups(figure, data)
    _divisions(figure, data)
    title = f"difference {float(data['actual']):.2f}   t = {float(data['t']):.2f}   p = {float(data['p']):.3f}"
    figure.update_layout(
        title={"text": title, "font": {"size": 15}},
        barmode="stack",
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": "#767676"},
        margin={"l": 65, "r": 15, "t": 50, "b": 95},
        height=580,
        legend={"orientation": "h", "y": -0.16, "yanchor": "top"},
    )
    return figure
