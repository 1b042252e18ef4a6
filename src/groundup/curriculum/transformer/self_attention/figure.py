"""Who looks at whom in a short sentence: the map of attention weights, computed from hand-made queries and keys."""

import torch

from groundup.authoring import slider

WORDS = ("the", "cat", "sat", "because", "it", "was", "tired")
# Columns: article, animal, verb, link, pronoun, state. A key says what a word is, a query what it looks for.
KEYS = (
    (2.0, 0.0, 0.0, 0.0, 0.0, 0.0),
    (0.0, 2.0, 0.0, 0.0, 0.0, 0.0),
    (0.0, 0.0, 2.0, 0.0, 0.0, 0.0),
    (0.0, 0.0, 0.0, 2.0, 0.0, 0.0),
    (0.0, 1.0, 0.0, 0.0, 2.0, 0.0),
    (0.0, 0.0, 1.5, 0.0, 0.0, 0.5),
    (0.0, 0.0, 0.0, 0.0, 0.0, 2.0),
)
QUERIES = (
    (0.0, 2.0, 0.0, 0.0, 0.0, 0.0),
    (1.0, 0.0, 1.0, 0.0, 0.0, 1.5),
    (0.0, 2.5, 0.0, 0.5, 0.0, 0.0),
    (0.0, 0.0, 1.5, 0.0, 0.0, 1.5),
    (0.0, 3.0, 0.0, 0.0, 0.0, 1.0),
    (0.0, 0.5, 0.0, 0.0, 2.0, 1.5),
    (0.0, 1.5, 0.5, 0.0, 1.5, 0.0),
)
MASKS = ("none", "causal")

sliders = {
    "word": slider("the word that looks", choices=WORDS, start="it"),
    "sharpness": slider("scores multiplied by", 0.0, 5.0, step=0.25, start=1.0),
    "mask": slider("mask", choices=MASKS, start="none"),
}
needs_builds = ("causal_mask", "scaled_dot_product_attention")
caption = (
    "Each row of the map is a query, each column a key, each number the share of attention in percent; a row sums to 100. "
    "With the scores multiplied by 0 all keys count the same, with a large factor one key takes all. The causal mask empties "
    "the upper right triangle, and what is left of a row is shared out anew. Queries and keys are made by hand here; a model "
    "learns them."
)


def compute(my, word, sharpness, mask):
    q, k = torch.tensor(QUERIES), torch.tensor(KEYS)
    n = len(WORDS)
    # The values are the identity: the average of its rows is then the list of the weights themselves.
    weights = my.scaled_dot_product_attention(
        q * sharpness, k, torch.eye(n), mask=my.causal_mask(n) if mask == "causal" else None
    )
    return {"words": list(WORDS), "weights": weights, "row": WORDS.index(word), "mask": mask}


def draw(data):
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    words, row = [str(word) for word in data["words"]], int(data["row"])
    shares = [[100.0 * float(weight) for weight in weights] for weights in data["weights"]]
    hidden = [[data["mask"] == "causal" and j > i for j in range(len(words))] for i in range(len(words))]
    shown = [[None if no else share for share, no in zip(*pair)] for pair in zip(shares, hidden)]
    figure = make_subplots(rows=2, cols=1, row_heights=[0.72, 0.28], vertical_spacing=0.1, shared_xaxes=True)
    places = list(range(len(words)))
    figure.add_trace(
        go.Heatmap(
            z=shown, x=places, y=places, zmin=0, zmax=100, colorscale="Cividis", xgap=2, ygap=2, hoverongaps=False,
            customdata=[[f"{a} looks at {b}" for b in words] for a in words],
            hovertemplate="%{customdata}: %{z:.1f} %<extra></extra>",
            colorbar={"title": {"text": "%"}, "len": 0.7, "y": 0.66, "thickness": 12, "outlinewidth": 0},
        ),
        row=1, col=1,
    )  # fmt: skip
    cells = [
        (i, j, share) for i, shares_of in enumerate(shown) for j, share in enumerate(shares_of) if share is not None
    ]
    figure.add_trace(
        go.Scatter(
            x=[j for _, j, _ in cells], y=[i for i, _, _ in cells], text=[f"{share:.0f}" for *_, share in cells],
            textfont={"color": ["#ffffff" if share < 45 else "#000000" for *_, share in cells]},
            mode="text", hoverinfo="skip", showlegend=False,
        ),
        row=1, col=1,
    )  # fmt: skip
    figure.add_shape(
        type="rect", x0=-0.5, x1=len(words) - 0.5, y0=row - 0.5, y1=row + 0.5, line={"color": "#d9480f", "width": 3},
        row=1, col=1,
    )  # fmt: skip
    figure.add_trace(
        go.Bar(
            x=places, y=[share or 0.0 for share in shown[row]], marker={"color": "#d9480f"}, showlegend=False,
            text=["" if no else f"{share:.0f}" for share, no in zip(shares[row], hidden[row])], textposition="outside",
            cliponaxis=False, hovertemplate="%{y:.1f} %<extra></extra>",
        ),
        row=2, col=1,
    )  # fmt: skip
    named = {"tickvals": places, "ticktext": words, "showgrid": False, "zeroline": False}
    figure.update_xaxes(range=[-0.5, len(words) - 0.5], **named)
    figure.update_xaxes(showticklabels=True, side="top", title="key", row=1, col=1)
    figure.update_yaxes(range=[len(words) - 0.5, -0.5], title="query", row=1, col=1, **named)
    figure.update_yaxes(
        range=[0, 118], tickvals=[0, 50, 100], title="%", gridcolor="rgba(134,142,150,.2)", row=2, col=1
    )
    best = max(places, key=lambda j: shares[row][j])
    said = f"gives most to “{words[best]}”: {shares[row][best]:.0f} %"
    if max(shares[row]) - min(shares[row]) < 1e-3:
        said = f"gives {shares[row][best]:.0f} % to each word"
    figure.update_layout(
        title={"text": f"“{words[row]}” {said}", "font": {"size": 15}, "y": 0.985, "yanchor": "top"},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": "#767676"},
        margin={"l": 70, "r": 15, "t": 115, "b": 45},
        height=620,
    )
    return figure
