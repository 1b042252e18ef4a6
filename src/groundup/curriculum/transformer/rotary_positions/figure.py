"""Four arrows of a query and of a key, turned by their positions, and the score over all positions of the key."""

import math

import torch

from groundup.authoring import slider

N, HEAD_DIM = 64, 8
# Four arrows each, pair i in entries i and i + 4. All have length 1; the directions are made by hand.
QUERY = (0.0, 20.0, 50.0, 80.0)
KEY = (0.0, -10.0, 40.0, 60.0)

sliders = {
    "m": slider("position of the query", 0, N - 1, step=1, start=12),
    "n": slider("position of the key", 0, N - 1, step=1, start=9),
    "theta": slider("theta", choices=("10", "100", "10000"), start="100"),
    "lean": slider("first arrow of the query leans by (degrees)", -180, 180, step=10, start=0),
}
needs_builds = ("rope_frequencies", "apply_rope")
caption = (
    "Above: the four pairs of a query (blue) and a key (orange), turned by their positions; faint, as they were "
    "before. Over each circle stand its speed and its product, the cosine of the angle between the arrows. Below: "
    "the score of this query with the key at every position; the dotted line is the query. Move query and key on by "
    "the same number of steps: all arrows turn, no angle between them changes, and the curve moves along. A small "
    "theta makes all pairs fast, so that distances repeat. Let the first arrow lean, and the query likes another "
    "distance best."
)


def _arrows(degrees):
    angles = torch.deg2rad(torch.tensor(degrees, dtype=torch.float32))
    return torch.cat((angles.cos(), angles.sin()))


def compute(my, m, n, theta, lean):
    cos, sin = my.rope_frequencies(HEAD_DIM, N, float(theta))
    q, k = _arrows((QUERY[0] + lean, *QUERY[1:])), _arrows(KEY)
    turned_q = my.apply_rope(q.reshape(1, -1), cos[m : m + 1], sin[m : m + 1])[0]
    turned_k = my.apply_rope(k.expand(N, HEAD_DIM), cos, sin)
    return {
        "before": torch.stack((q, k)),
        "after": torch.stack((turned_q, turned_k[n])),
        "scores": turned_k @ turned_q,
        "m": m,
        "n": n,
        "speeds": [float(theta) ** (-2 * i / HEAD_DIM) for i in range(HEAD_DIM // 2)],
    }


def _clock(figure, data, pair):
    """The arrows of one pair, in a circle of their own."""
    import plotly.graph_objects as go

    half = HEAD_DIM // 2
    rim = [2 * math.pi * step / 60 for step in range(61)]
    figure.add_trace(
        go.Scatter(
            x=[math.cos(a) for a in rim], y=[math.sin(a) for a in rim], mode="lines", hoverinfo="skip",
            showlegend=False, line={"color": "#868e96", "width": 1},
        ),
        row=1, col=pair + 1,
    )  # fmt: skip
    for stage, width, opacity in (("before", 2, 0.3), ("after", 3, 1.0)):
        for name, color, vector in zip(("query", "key"), ("#1c7ed6", "#d9480f"), data[stage]):
            x, y = float(vector[pair]), float(vector[pair + half])
            figure.add_trace(
                go.Scatter(
                    x=[0, x], y=[0, y], mode="lines+markers", opacity=opacity, name=name, legendgroup=name,
                    showlegend=pair == 0 and stage == "after", line={"color": color, "width": width},
                    marker={"size": [0, 9], "color": color},
                    hovertemplate=f"{name}, {stage}: (%{{x:.2f}}, %{{y:.2f}})<extra></extra>",
                ),
                row=1, col=pair + 1,
            )  # fmt: skip
    bare = {"showgrid": False, "zeroline": False, "showticklabels": False, "range": [-1.2, 1.2]}
    figure.update_xaxes(constrain="domain", row=1, col=pair + 1, **bare)
    figure.update_yaxes(scaleanchor=f"x{pair + 1 if pair else ''}", row=1, col=pair + 1, **bare)


def draw(data):
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    half = HEAD_DIM // 2
    m, n = int(data["m"]), int(data["n"])
    (q, k), scores = data["after"], [float(one) for one in data["scores"]]
    products = [float(q[i] * k[i] + q[i + half] * k[i + half]) for i in range(half)]
    titles = [f"{speed:.2g}<br>{product:+.2f}" for speed, product in zip(data["speeds"], products)]
    figure = make_subplots(
        rows=2, cols=half, row_heights=[0.36, 0.64], vertical_spacing=0.1, horizontal_spacing=0.03,
        specs=[[{}] * half, [{"colspan": half}, *[None] * (half - 1)]], subplot_titles=titles,
    )  # fmt: skip
    for pair in range(half):
        _clock(figure, data, pair)
    figure.add_trace(
        go.Scatter(
            x=list(range(len(scores))), y=scores, mode="lines+markers", marker={"size": 4}, showlegend=False,
            line={"color": "#ae3ec9", "width": 2}, hovertemplate="key at %{x}: %{y:.2f}<extra></extra>",
        ),
        row=2, col=1,
    )  # fmt: skip
    figure.add_trace(
        go.Scatter(
            x=[n], y=[scores[n]], mode="markers", marker={"size": 12, "color": "#d9480f", "symbol": "diamond"},
            showlegend=False, hovertemplate="the key, at %{x}: %{y:.2f}<extra></extra>",
        ),
        row=2, col=1,
    )  # fmt: skip
    figure.add_vline(x=m, line={"color": "#1c7ed6", "dash": "dot", "width": 2}, row=2, col=1)
    grid = {"gridcolor": "rgba(134,142,150,.2)", "zerolinecolor": "#868e96"}
    figure.update_xaxes(title="position of the key", range=[-1, N], row=2, col=1, **grid)
    figure.update_yaxes(title="score", range=[-4.3, 4.3], row=2, col=1, **grid)
    figure.update_annotations(font={"size": 13})
    said = f"score {scores[n]:+.2f}, the sum of the four products"
    figure.update_layout(
        title={
            "text": f"query at {m}, key at {n}: distance {m - n}<br>{said}",
            "font": {"size": 15}, "y": 0.98, "yanchor": "top",
        },
        paper_bgcolor="rgba(0,0,0,0)", plot_bgcolor="rgba(0,0,0,0)", font={"color": "#767676"},
        margin={"l": 45, "r": 15, "t": 110, "b": 85}, height=600,
        legend={"orientation": "h", "y": -0.17, "yanchor": "top"},
    )  # fmt: skip
    return figure
