"""Fifty studies and their intervals, of which some miss; and the bootstrap of the first of them."""

import torch

from groundup.authoring import slider

KINDS = ("lengths, bell-shaped", "waiting times, lopsided", "right or wrong, 90 % right")
STUDIES, RESAMPLES, BINS = 50, 300, 30

sliders = {
    "kind": slider("what is measured", choices=KINDS, start=KINDS[0]),
    "n": slider("samples in a study", 2, 100, step=1, start=8),
    "percent": slider("level (%)", 50, 99, step=1, start=90),
    "again": slider("other studies", 1, 30, step=1, start=1),
}
needs_builds = ("mean_interval", "bootstrap_interval")
caption = (
    "Above: fifty studies of one thing, with a t interval each; orange ones miss the true mean (dotted). Each study knows its own "
    "interval only, and none of them is told which color it has. More samples make the intervals shorter, not truer: the level is "
    "kept at every size, as long as samples are bell-shaped. Below: the first study again, with 300 resamples; the bars are their "
    "means, the blue line is the percentile interval, the gray one the t interval. With few samples the percentile interval is "
    "too short. Lopsided samples, and answers that are nearly all right, break the promise of both: lower the number of samples."
)


def _drawn(kind, n, generator):
    uniform = torch.rand(STUDIES, n, generator=generator, dtype=torch.float64)
    if kind == KINDS[0]:
        return 30 + 6 * torch.special.ndtri(uniform.clamp(min=1e-12)), 30.0
    if kind == KINDS[1]:
        return (1.2 * torch.special.ndtri(uniform.clamp(min=1e-12))).exp(), float(torch.tensor(1.2**2 / 2).exp())
    return (uniform < 0.9).double(), 0.9


def compute(my, kind, n, percent, again):
    level = float(percent) / 100
    x, true = _drawn(kind, int(n), torch.Generator().manual_seed(100 + int(again)))
    low, high = my.mean_interval(x, level)
    means = []

    def mean(rows):
        means.append(float(rows.mean()))
        return means[-1]

    ends = my.bootstrap_interval(x[0], mean, level, RESAMPLES, torch.Generator().manual_seed(int(again)))
    return {
        "low": low,
        "high": high,
        "true": true,
        "means": means,
        "ends": [float(end) for end in ends],
        "percent": percent,
        "unit": {KINDS[0]: "words", KINDS[1]: "minutes", KINDS[2]: "share of right answers"}[kind],
    }


BLUE, ORANGE, GRAY = "#1c7ed6", "#d9480f", "#868e96"


def _studies(figure, low, high, true):
    import plotly.graph_objects as go

    missed = 0
    for hit, color in ((True, BLUE), (False, ORANGE)):
        x, y = [], []
        for number, (a, b) in enumerate(zip(low, high)):
            if (a <= true <= b) == hit:
                missed += not hit
                x += [a, b, None]
                y += [number + 1, number + 1, None]
        name = "holds the true mean" if hit else "misses it"
        lines = go.Scatter(
            x=x, y=y, mode="lines+markers", line={"color": color, "width": 3}, marker={"size": 4}, name=name,
            hovertemplate="study %{y}: %{x:.3g}<extra></extra>",
        )  # fmt: skip
        figure.add_trace(lines, row=1, col=1)
    figure.update_yaxes(title="study", range=[STUDIES + 1, 0], showgrid=False, zeroline=False, row=1, col=1)
    return missed


def _resamples(figure, means, ends, interval, reach):
    import plotly.graph_objects as go

    counts, width = [0] * BINS, (reach[1] - reach[0]) / BINS
    for one in means:
        counts[min(max(int((one - reach[0]) / width), 0), BINS - 1)] += 1
    bars = go.Bar(
        x=[reach[0] + (i + 0.5) * width for i in range(BINS)], y=counts, width=width, marker={"color": "rgba(28,126,214,.45)"},
        name="means of resamples", hovertemplate="about %{x:.3g}: %{y} times<extra></extra>",
    )  # fmt: skip
    figure.add_trace(bars, row=2, col=1)
    top = max(counts)
    for name, pair, height, color in (("percentiles", ends, 1.12, BLUE), ("t", interval, 1.24, GRAY)):
        line = go.Scatter(
            x=pair, y=[top * height] * 2, mode="lines+markers", line={"color": color, "width": 4}, marker={"size": 8},
            name=name, hovertemplate=f"{name}: " + "%{x:.3g}<extra></extra>",
        )  # fmt: skip
        figure.add_trace(line, row=2, col=1)
    figure.update_yaxes(title="resamples", range=[0, top * 1.35], gridcolor="rgba(134,142,150,.2)", row=2, col=1)


def draw(data):
    from plotly.subplots import make_subplots

    low, high = ([float(v) for v in data[key]] for key in ("low", "high"))
    true, means, ends = float(data["true"]), [float(v) for v in data["means"]], [float(v) for v in data["ends"]]
    # The interval of two samples may be fifty times as long as the others: those run out of the picture.
    lengths = sorted(b - a for a, b in zip(low, high))
    room = max(0.9 * lengths[int(0.8 * STUDIES)], 1e-3 * abs(true))
    reach = (min(true - room, *ends), max(true + room, *ends))
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[0.66, 0.34], vertical_spacing=0.05)
    missed = _studies(figure, low, high, true)
    _resamples(figure, means, ends, [low[0], high[0]], reach)
    figure.add_vline(x=true, line={"color": GRAY, "width": 2, "dash": "dot"})
    figure.update_xaxes(range=list(reach), showgrid=False, zeroline=False)
    figure.update_xaxes(title=str(data["unit"]), row=2, col=1)
    title = f"{STUDIES - missed} of {STUDIES} hold the mean; promised: {float(data['percent']):.0f} %"
    figure.update_layout(
        title={"text": title, "font": {"size": 15}},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": "#767676"},
        margin={"l": 60, "r": 15, "t": 50, "b": 110},
        height=640,
        legend={"orientation": "h", "y": -0.13, "yanchor": "top"},
    )
    return figure
