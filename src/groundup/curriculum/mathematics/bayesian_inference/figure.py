"""A prior, what was seen, and the posterior of a share; the histogram and the path of a walk through the posterior."""

import math

import torch

from groundup.authoring import slider

sliders = {
    "successes": slider("documents with the word", 0, 40, step=1, start=3),
    "failures": slider("documents without it", 0, 40, step=1, start=9),
    "share": slider("share that the prior expects", 0.1, 0.9, step=0.1, start=0.5),
    "strength": slider("documents that the prior is worth", 1, 40, step=1, start=6),
    "step": slider("step of the walk", 0.01, 1.0, step=0.01, start=0.25),
}
needs_builds = ("beta_posterior", "metropolis_hastings")
caption = (
    "Above: the prior (dashed), the likelihood, scaled to the same area (dotted), and the posterior, which lies between them, nearer to "
    "whichever is worth more documents. Bars: 800 places of a walk that knows the posterior's density up to a constant only. "
    "Below: its path. With a tiny step nearly all is accepted and the walk crawls; with a large one it stands still most of the time. "
    "Both histograms are poor, and both would become right in the end."
)
DRAWS = 800
BINS = 40


def _log_beta(p, a, b):
    return (a - 1) * torch.log(p) + (b - 1) * torch.log1p(-p)


def _density(p, a, b):
    constant = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    return (_log_beta(p, a, b) + constant).exp()


def compute(my, successes, failures, share, strength, step):
    prior = float(share) * float(strength), (1 - float(share)) * float(strength)
    a, b = (float(one) for one in my.beta_posterior(*prior, int(successes), int(failures)))

    def log_density(p):
        chance = float(p)
        if not 0 < chance < 1:
            return -math.inf
        return (a - 1) * math.log(chance) + (b - 1) * math.log1p(-chance)

    p = torch.linspace(0.005, 0.995, 199, dtype=torch.float64)
    x0 = torch.tensor(0.5, dtype=torch.float64)
    return {
        "p": p,
        "prior": _density(p, *prior),
        "likelihood": _density(p, successes + 1.0, failures + 1.0),
        "posterior": _density(p, a, b),
        "walk": my.metropolis_hastings(log_density, x0, DRAWS, float(step), torch.Generator().manual_seed(3)),
        "mean": a / (a + b),
        "prior_mean": float(share),
        "plain": float(successes) / (successes + failures) if successes + failures else float("nan"),
    }


BLUE, ORANGE, GRAY = "#1c7ed6", "#d9480f", "#868e96"


def _curves(figure, data):
    import plotly.graph_objects as go

    places = [float(v) for v in data["walk"]]
    counts = [0] * BINS
    for v in places:
        counts[min(max(int(v * BINS), 0), BINS - 1)] += 1
    bars = go.Bar(
        x=[(i + 0.5) / BINS for i in range(BINS)], y=[one * BINS / len(places) for one in counts], width=1 / BINS,
        marker={"color": "rgba(28,126,214,.35)"}, name="walk", hovertemplate="%{x:.3f}: %{y:.2f}<extra>walk</extra>",
    )  # fmt: skip
    figure.add_trace(bars, row=1, col=1)
    p = [float(v) for v in data["p"]]
    for name, color, dash in (("prior", GRAY, "dash"), ("likelihood", ORANGE, "dot"), ("posterior", BLUE, "solid")):
        line = go.Scatter(
            x=p, y=[float(v) for v in data[name]], mode="lines", name=name,
            line={"color": color, "dash": dash, "width": 3 if name == "posterior" else 2},
            hovertemplate=f"%{{x:.3f}}: %{{y:.2f}}<extra>{name}</extra>",
        )  # fmt: skip
        figure.add_trace(line, row=1, col=1)
    top = max(float(v) for v in data["posterior"]) * 1.5
    figure.update_xaxes(title="share of documents with the word", range=[0, 1], showgrid=False, row=1, col=1)
    figure.update_yaxes(title="density", range=[0, top], gridcolor="rgba(134,142,150,.2)", row=1, col=1)


def draw(data):
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    figure = make_subplots(rows=2, cols=1, row_heights=[0.62, 0.38], vertical_spacing=0.16)
    _curves(figure, data)
    places = [float(v) for v in data["walk"]]
    path = go.Scatter(
        x=list(range(1, len(places) + 1)), y=places, mode="lines", line={"color": BLUE, "width": 1, "shape": "hv"},
        showlegend=False, hovertemplate="after %{x} proposals: %{y:.3f}<extra></extra>",
    )  # fmt: skip
    figure.add_trace(path, row=2, col=1)
    figure.update_xaxes(title="proposals", showgrid=False, zeroline=False, row=2, col=1)
    figure.update_yaxes(title="where the walk is", range=[0, 1], gridcolor="rgba(134,142,150,.2)", row=2, col=1)
    accepted = sum(one != other for one, other in zip(places, places[1:])) / max(len(places) - 1, 1)
    plain = float(data["plain"])
    seen = f"plain proportion {plain:.2f}" if plain == plain else "nothing seen"
    title = (
        f"posterior mean {float(data['mean']):.2f}   {seen}<br>"
        f"mean of the walk {sum(places) / len(places):.2f}, accepted {accepted:.0%}"
    )
    figure.update_layout(
        title={"text": title, "font": {"size": 15}},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": "#767676"},
        margin={"l": 65, "r": 15, "t": 70, "b": 95},
        height=620,
        legend={"orientation": "h", "y": -0.14, "yanchor": "top"},
    )
    return figure
