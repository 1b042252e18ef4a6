"""Two distributions of the next word: what happens and what is believed, and the surprise split in two."""

import torch

from groundup.authoring import slider

WORDS = ("sat", "slept", "ran", "was", "sang", "is")
SCORES = (2.0, 1.3, 0.4, 0.0, -0.8, -1.5)

sliders = {
    "happens": slider("how sure the next word is", 0.0, 4.0, step=0.1, start=1.0),
    "believed": slider("how sure the model is", 0.0, 4.0, step=0.1, start=1.0),
    "knows": slider("how much the model knows (%)", -100, 100, step=5, start=-30),
    "excluded": slider("words that the model excludes", choices=("none", "the last", "the last two"), start="none"),
}
needs_builds = ("entropy", "cross_entropy_of", "kl_divergence")
caption = (
    "Above: what comes after “the cat” (p) and what a model believes (q). Knowing 100 %, and as sure as the world is, it "
    "believes what happens; at -100 % it believes the opposite. Below: its surprise, H(p, q), is the entropy, which nobody can "
    "avoid, and the divergence. A model that is not sure of anything pays log 6 = 1.79 at all times; one that is sure of "
    "the wrong thing pays more. One excluded word, and the surprise is infinite."
)


def compute(my, happens, believed, knows, excluded):
    scores = torch.tensor(SCORES, dtype=torch.float64)
    p = torch.softmax(scores * happens, dim=0)
    share = knows / 100
    # The belief turns from the opposite (the same scores with the other sign) by way of knowing nothing to the truth.
    q = torch.softmax(scores * share * believed, dim=0)
    gone = {"none": 0, "the last": 1, "the last two": 2}[excluded]
    if gone:
        q = torch.cat([q[:-gone], torch.zeros(gone, dtype=torch.float64)])
        q = q / q.sum()
    return {
        "words": list(WORDS),
        "p": p,
        "q": q,
        "entropy": my.entropy(p),
        "cross": my.cross_entropy_of(p, q),
        "divergence": my.kl_divergence(p, q),
        "backward": my.kl_divergence(q, p),
    }


BLUE, ORANGE, GRAY = "#1c7ed6", "#d9480f", "#868e96"
LONGEST = 6.0


def _bars(figure, data):
    import plotly.graph_objects as go

    words = [str(word) for word in data["words"]]
    for name, key, color in (("p: what happens", "p", BLUE), ("q: what is believed", "q", ORANGE)):
        bars = go.Bar(
            x=words, y=[float(value) for value in data[key]], name=name, marker={"color": color},
            hovertemplate="%{x}: %{y:.4f}<extra></extra>",
        )  # fmt: skip
        figure.add_trace(bars, row=1, col=1)
    figure.update_yaxes(title="probability", range=[0, 1.02], gridcolor="rgba(134,142,150,.2)", row=1, col=1)


def _split(figure, data):
    """The surprise as one bar in two parts; cut off where it is longer than there is room."""
    import plotly.graph_objects as go

    entropy, divergence = float(data["entropy"]), float(data["divergence"])
    shown = max(0.0, min(divergence, LONGEST - entropy))
    for name, length, value, color, room in (
        ("H(p)", entropy, entropy, BLUE, 1.0),
        ("KL(p ‖ q)", shown, divergence, ORANGE, 1.4),
    ):
        bar = go.Bar(
            x=[length], y=["surprise"], orientation="h", name=name, showlegend=False, marker={"color": color},
            text=f"{name} = {value:.2f}" if length > room else "", textposition="inside", insidetextanchor="middle",
            textfont={"color": "#ffffff"}, textangle=0, hovertemplate=f"{name} = {value:.4f}<extra></extra>",
        )  # fmt: skip
        figure.add_trace(bar, row=2, col=1)
    figure.update_xaxes(title="nats", range=[0, LONGEST + 0.1], gridcolor="rgba(134,142,150,.2)", row=2, col=1)
    figure.update_yaxes(showticklabels=False, row=2, col=1)


def draw(data):
    from plotly.subplots import make_subplots

    figure = make_subplots(rows=2, cols=1, row_heights=[0.75, 0.25], vertical_spacing=0.16)
    _bars(figure, data)
    _split(figure, data)
    entropy, cross = float(data["entropy"]), float(data["cross"])
    divergence, backward = float(data["divergence"]) + 0.0, float(data["backward"]) + 0.0
    title = (
        f"H(p) = {entropy:.3f}   H(p, q) = {cross:.3f}<br>"
        f"KL(p ‖ q) = {abs(divergence):.3f}   KL(q ‖ p) = {abs(backward):.3f}"
    ).replace("inf", "∞")
    # Stacked bars below, grouped ones above: a bar of the lower panel starts where the one before it ends.
    figure.data[3].base = [entropy]
    for trace in figure.data[2:]:
        trace.offsetgroup = "one"
    for number, trace in enumerate(figure.data[:2]):
        trace.offsetgroup = str(number)
    figure.update_layout(
        title={"text": title, "font": {"size": 15}},
        barmode="group",
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": "#767676"},
        margin={"l": 60, "r": 15, "t": 65, "b": 95},
        height=560,
        legend={"orientation": "h", "y": -0.16, "yanchor": "top"},
    )
    return figure
