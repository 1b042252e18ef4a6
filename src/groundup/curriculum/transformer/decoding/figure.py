"""What may follow the running sentence, and what the filters leave of it."""

import torch

from groundup.authoring import slider

# What a model might say after "the cat sat because it was". Some of the words have occurred before.
WORDS = (
    "tired", "hungry", "cold", "a", "late", "the", "old", "warm", "cat", "lazy", "raining", "was", "sat", "afraid", "made",
    "blue", "because", "seven", "ought", "xyz",
)  # fmt: skip
LOGITS = (
    3.1, 2.7, 2.2, 1.9, 1.6, 1.5, 1.3, 1.1, 0.8, 0.7, 0.4, 0.1, -0.2, -0.4, -0.7, -1.0, -1.3, -1.7, -2.2, -2.8,
)  # fmt: skip
SAID = ("the", "cat", "sat", "because", "was")

sliders = {
    "temperature": slider("temperature", 0.1, 3.0, step=0.1, start=1.0),
    "k": slider("top-k", 1, 20, step=1, start=20),
    "p": slider("top-p", 0.05, 1.0, step=0.05, start=0.9),
    "least": slider("min-p", 0.0, 0.5, step=0.01, start=0.0),
    "penalty": slider("repetition penalty", 1.0, 3.0, step=0.1, start=1.0),
}
needs_builds = ("apply_temperature", "top_k", "top_p", "min_p", "repetition_penalty")
caption = (
    "What may follow “the cat sat because it was”. Pale: the model's probabilities. Solid: what is left to draw from, after "
    "penalty, temperature, top-k, top-p and min-p, in this order; a word without a solid bar cannot be drawn. Raise the "
    "temperature with top-p at 0.9, and see how many words of the tail come in; then with top-p at 1 and min-p at 0.1. "
    "The words in bold have occurred already: they are what the penalty lowers."
)


def compute(my, temperature, k, p, least, penalty):
    logits = torch.tensor(LOGITS)
    said = torch.tensor([WORDS.index(word) for word in SAID])
    kept = my.apply_temperature(my.repetition_penalty(logits, said, penalty), temperature)
    kept = my.min_p(my.top_p(my.top_k(kept, k), p), least)
    return {"before": logits.softmax(dim=-1), "after": kept.softmax(dim=-1), "kept": kept.isfinite()}


def draw(data):
    import plotly.graph_objects as go

    before = [100.0 * float(one) for one in data["before"]]
    after = [100.0 * float(one) for one in data["after"]]
    kept = [bool(one) for one in data["kept"]]
    names = [f"<b>{word}</b>" if word in SAID else word for word in WORDS]
    places = list(range(len(WORDS)))
    figure = go.Figure()
    figure.add_trace(
        go.Bar(
            y=places, x=before, orientation="h", name="the model", width=0.86,
            marker={"color": "rgba(134,142,150,.35)"}, hovertemplate="%{y}: %{x:.1f} %<extra>the model</extra>",
        )
    )  # fmt: skip
    figure.add_trace(
        go.Bar(
            y=places, x=after, orientation="h", name="left to draw from", width=0.5, marker={"color": "#d9480f"},
            text=[f"{one:.1f}" if keep else "" for one, keep in zip(after, kept)], textposition="outside",
            cliponaxis=False, hovertemplate="%{x:.1f} %<extra>left to draw from</extra>",
        )
    )  # fmt: skip
    held = sum(share for share, keep in zip(before, kept) if keep)
    title = f"{sum(kept)} of {len(WORDS)} words can be drawn;<br>the model gave them {held:.0f} % together"
    figure.update_xaxes(range=[0, max(*before, *after) * 1.12], title="%", gridcolor="rgba(134,142,150,.2)")
    figure.update_yaxes(tickvals=places, ticktext=names, autorange="reversed", showgrid=False, zeroline=False)
    figure.update_layout(
        title={"text": title, "font": {"size": 15}, "y": 0.98, "yanchor": "top"},
        barmode="overlay",
        legend={"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom"},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": "#767676"},
        margin={"l": 75, "r": 15, "t": 90, "b": 45},
        height=560,
    )
    return figure
