"""Where each head of one word looks: the same vectors in one, two or four heads, with keys of their own or shared."""

import math

import torch

from groundup.authoring import slider

WORDS = ("the", "cat", "sat", "because", "it", "was", "tired")
# Eight numbers a word, made by hand. Four pairs: who is meant, what came before, what happens, what kind of word.
KEYS = (
    (0.0, 0.3, 1.0, 0.0, 0.0, 0.2, 2.2, 0.0),
    (2.6, 0.2, 0.0, 1.2, 0.0, 0.3, 0.0, 1.2),
    (0.2, 0.0, 0.6, 0.0, 2.4, 0.0, 0.0, 0.4),
    (0.0, 0.2, 0.0, 2.6, 0.3, 0.0, 1.2, 0.0),
    (1.0, 0.4, 1.5, 0.0, 0.0, 0.0, 1.0, 0.2),
    (0.0, 0.0, 0.4, 0.3, 1.8, 0.4, 0.3, 0.0),
    (0.0, 0.2, 0.0, 0.2, 0.0, 2.6, 0.0, 2.0),
)
QUERIES = (
    (1.5, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.5),
    (0.5, 0.0, 2.4, 0.0, 2.2, 0.0, 2.0, 0.0),
    (2.4, 0.0, 0.0, 2.2, 0.5, 0.0, 0.0, 1.0),
    (0.0, 1.0, 1.0, 0.0, 2.4, 1.0, 1.0, 0.0),
    (2.6, 0.0, 0.0, 2.6, 2.4, -1.2, -0.8, 2.4),
    (2.0, 0.0, 2.6, 0.0, 0.0, 2.4, 1.0, 0.0),
    (2.4, 0.0, 0.6, 0.0, 2.4, 0.0, 1.6, 0.0),
)
COLORS = ("#1c7ed6", "#d9480f", "#2b8a3e", "#ae3ec9")

sliders = {
    "word": slider("the word that looks", choices=WORDS, start="it"),
    "heads": slider("heads of queries", choices=("1", "2", "4"), start="4"),
    "shared": slider("query heads that share keys", choices=("1", "2", "4"), start="1"),
}
needs_builds = ("split_heads", "merge_heads", "repeat_kv")
caption = (
    "Above: the eight numbers of the word's query, colored by the head that gets them. Below: the attention weights "
    "of each head, in percent; each row sums to 100. One head has to settle on one mixture. Four heads look at four "
    "places, each for a reason of its own. Where query heads share keys, they ask different questions of the same "
    "keys, and fewer numbers are kept for each word. The vectors are made by hand; a model learns them."
)


def compute(my, word, heads, shared):
    heads = int(heads)
    groups = min(int(shared), heads)
    kv_heads = heads // groups
    head_dim = 8 // heads
    queries, keys = torch.tensor(QUERIES), torch.tensor(KEYS)
    # A layer with shared keys projects to fewer numbers: here the pairs that remain are averages of those that share.
    keys = my.merge_heads(my.split_heads(keys, heads).unflatten(0, (kv_heads, groups)).mean(dim=1))
    q, k = my.split_heads(queries, heads), my.repeat_kv(my.split_heads(keys, kv_heads), groups)
    weights = torch.softmax(q @ k.mT / math.sqrt(head_dim), dim=-1)
    owner = my.split_heads(torch.arange(8.0).reshape(1, 8), heads)[:, 0]
    used = my.repeat_kv(torch.arange(float(kv_heads)).reshape(kv_heads, 1, 1), groups).flatten()
    row = WORDS.index(word)
    return {
        "word": word,
        "query": queries[row],
        "slices": owner,
        "used": used,
        "weights": weights[:, row],
        "kept": 2 * kv_heads * head_dim,
    }


def draw(data):
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    weights = [[100.0 * float(one) for one in row] for row in data["weights"]]
    used, heads = [int(one) for one in data["used"]], len(data["weights"])
    figure = make_subplots(rows=2, cols=1, row_heights=[0.18, 0.82], vertical_spacing=0.08)
    query = [float(one) for one in data["query"]]
    for head, slots in enumerate(data["slices"]):
        slots = [int(one) for one in slots]
        figure.add_trace(
            go.Bar(
                x=slots, y=[1.0] * len(slots), marker={"color": COLORS[head]}, width=0.94, showlegend=False,
                text=[f"{query[slot]:.1f}" for slot in slots], textposition="inside", insidetextanchor="middle",
                textfont={"color": "#ffffff", "size": 14}, textangle=0,
                hovertemplate=f"head {head}: %{{text}}<extra></extra>",
            ),
            row=1, col=1,
        )  # fmt: skip
        middle = sum(slots) / len(slots)
        figure.add_annotation(
            x=middle, y=1.32, text=f"head {head}", showarrow=False, font={"color": COLORS[head]}, row=1, col=1
        )
    places = list(range(len(WORDS)))
    figure.add_trace(
        go.Heatmap(
            z=weights, x=places, y=list(range(heads)), zmin=0, zmax=100, colorscale="Cividis", xgap=2, ygap=4,
            colorbar={"title": {"text": "%"}, "len": 0.72, "y": 0.36, "thickness": 12, "outlinewidth": 0},
            customdata=[[f"head {head}, {word}" for word in WORDS] for head in range(heads)],
            hovertemplate="%{customdata}: %{z:.1f} %<extra></extra>",
        ),
        row=2, col=1,
    )  # fmt: skip
    cells = [(i, j, share) for i, row in enumerate(weights) for j, share in enumerate(row)]
    figure.add_trace(
        go.Scatter(
            x=[j for _, j, _ in cells], y=[i for i, _, _ in cells], text=[f"{share:.0f}" for *_, share in cells],
            textfont={"color": ["#ffffff" if share < 45 else "#000000" for *_, share in cells]},
            mode="text", hoverinfo="skip", showlegend=False,
        ),
        row=2, col=1,
    )  # fmt: skip
    bare = {"showgrid": False, "zeroline": False}
    figure.update_xaxes(range=[-0.5, 7.5], showticklabels=False, row=1, col=1, **bare)
    figure.update_yaxes(range=[0, 1.6], showticklabels=False, row=1, col=1, **bare)
    names = [f"<span style='color:{COLORS[head]}'>head {head}</span><br>keys {used[head]}" for head in range(heads)]
    figure.update_xaxes(
        range=[-0.5, 6.5], tickvals=places, ticktext=list(WORDS), title="word looked at", row=2, col=1, **bare
    )
    figure.update_yaxes(range=[heads - 0.5, -0.5], tickvals=list(range(heads)), ticktext=names, row=2, col=1, **bare)
    best = [WORDS[max(places, key=lambda j: row[j])] for row in weights]
    said = ", ".join(f"“{one}”" for one in dict.fromkeys(best))
    kept = f"keys and values: {int(data['kept'])} numbers for each word"
    figure.update_layout(
        title={
            "text": f"“{data['word']}” looks most at<br>{said}<br>{kept}",
            "font": {"size": 15}, "y": 0.98, "yanchor": "top",
        },
        paper_bgcolor="rgba(0,0,0,0)", plot_bgcolor="rgba(0,0,0,0)", font={"color": "#767676"}, barmode="overlay",
        margin={"l": 70, "r": 15, "t": 80, "b": 60}, height=570,
    )  # fmt: skip
    return figure
