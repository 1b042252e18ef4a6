"""Words as points: all their distances, the neighbors within a radius, and the mean of those that count."""

import torch

from groundup.authoring import slider

POINTS = {
    "cat": (0.9, 1.5),
    "dog": (1.7, 2.7),
    "kitten": (0.5, 2.9),
    "sat": (3.6, 1.0),
    "slept": (4.3, 1.5),
    "tired": (3.4, 2.3),
    "the": (0.5, -0.4),
    "because": (2.6, -0.1),
}
WORDS = tuple(POINTS)

sliders = {
    "word": slider("word in the middle", choices=WORDS, start="cat"),
    "radius": slider("radius", 0.0, 4.0, step=0.1, start=1.5),
    "own": slider("the word itself", choices=("counts", "does not count"), start="counts"),
}
needs_builds = ("pairwise_distances", "one_hot", "masked_mean")
caption = (
    "Right: the table of all distances, from one call of pairwise_distances; its framed row belongs to the chosen word. Left: the "
    "words within the radius are those that count, a mask; the star is their masked mean. Make the radius smaller and leave the word itself "
    "out: when nothing counts, the mean is 0, the origin. The chosen word's point is read from the table of points by a one-hot vector."
)


def compute(my, word, radius, own):
    points = torch.tensor(list(POINTS.values()))
    chosen = my.one_hot(torch.tensor(WORDS.index(word)), len(WORDS))
    distances = my.pairwise_distances(points, points)
    row = my.pairwise_distances(chosen.to(points.dtype)[None] @ points, points)[0]
    counts = row <= radius + 1e-6
    if own == "does not count":
        counts = counts & (chosen == 0)
    return {
        "points": points,
        "distances": distances,
        "counts": counts,
        "mean": my.masked_mean(points, counts[:, None], 0),
        "place": WORDS.index(word),
        "radius": radius,
    }


def _plane(figure, data):
    """The words as points, the circle, and the mean as a star."""
    import plotly.graph_objects as go

    blue, orange, gray = "#1c7ed6", "#d9480f", "#868e96"
    points = [[float(value) for value in point] for point in data["points"]]
    counts = [bool(value) for value in data["counts"]]
    x, y = points[data["place"]]
    mean = [float(value) for value in data["mean"]]
    for (a, b), counted in zip(points, counts):
        if counted:
            line = {"color": "rgba(28,126,214,.5)", "width": 2}
            figure.add_trace(
                go.Scatter(x=[mean[0], a], y=[mean[1], b], mode="lines", line=line, hoverinfo="skip", showlegend=False),
                row=1, col=1,
            )  # fmt: skip
    figure.add_trace(
        go.Scatter(
            x=[a for a, _ in points], y=[b for _, b in points], text=list(WORDS), mode="markers+text", showlegend=False,
            textposition="top center", hovertemplate="%{text} (%{x:.1f}, %{y:.1f})<extra></extra>",
            marker={"size": 10, "color": [blue if counted else gray for counted in counts]},
        ),
        row=1, col=1,
    )  # fmt: skip
    figure.add_trace(
        go.Scatter(
            x=mean[:1], y=mean[1:], mode="markers", showlegend=False, hovertemplate="mean (%{x:.2f}, %{y:.2f})<extra></extra>",
            marker={"size": 16, "symbol": "star", "color": orange},
        ),
        row=1, col=1,
    )  # fmt: skip
    r = float(data["radius"])
    figure.add_shape(
        type="circle",
        x0=x - r,
        x1=x + r,
        y0=y - r,
        y1=y + r,
        line={"color": orange, "width": 2, "dash": "dot"},
        row=1,
        col=1,
    )
    bounds = {
        "zeroline": True,
        "zerolinecolor": gray,
        "gridcolor": "rgba(134,142,150,.2)",
        "dtick": 2,
        "row": 1,
        "col": 1,
    }
    figure.update_xaxes(range=[-0.6, 5.4], constrain="domain", **bounds)
    figure.update_yaxes(range=[-0.9, 3.9], scaleanchor="x", **bounds)


def _table(figure, data):
    """All distances as a heat map with the chosen row framed."""
    import plotly.graph_objects as go

    table = [[float(value) for value in row] for row in data["distances"]]
    places, row = list(range(len(WORDS))), data["place"]
    figure.add_trace(
        go.Heatmap(
            z=table, x=places, y=places, zmin=0, zmax=5, colorscale="Cividis", showscale=False, xgap=1, ygap=1,
            customdata=[[f"{a} and {b}" for b in WORDS] for a in WORDS],
            hovertemplate="%{customdata}: %{z:.2f}<extra></extra>",
        ),
        row=1, col=2,
    )  # fmt: skip
    cells = [(i, j, value) for i, line in enumerate(table) for j, value in enumerate(line)]
    figure.add_trace(
        go.Scatter(
            x=[j for _, j, _ in cells], y=[i for i, *_ in cells], text=[f"{value:.1f}" for *_, value in cells], mode="text",
            textfont={"size": 10, "color": ["#ffffff" if value < 2.8 else "#000000" for *_, value in cells]},
            hoverinfo="skip", showlegend=False,
        ),
        row=1, col=2,
    )  # fmt: skip
    figure.add_shape(
        type="rect",
        x0=-0.5,
        x1=len(WORDS) - 0.5,
        y0=row - 0.5,
        y1=row + 0.5,
        line={"color": "#d9480f", "width": 3},
        row=1,
        col=2,
    )
    named = {"tickvals": places, "ticktext": list(WORDS), "showgrid": False, "zeroline": False, "row": 1, "col": 2}
    figure.update_xaxes(range=[-0.5, len(WORDS) - 0.5], tickangle=-60, **named)
    figure.update_yaxes(range=[len(WORDS) - 0.5, -0.5], **named)


def draw(data):
    from plotly.subplots import make_subplots

    figure = make_subplots(rows=1, cols=2, column_widths=[0.54, 0.46], horizontal_spacing=0.14)
    _plane(figure, data)
    _table(figure, data)
    named = [word for word, counted in zip(WORDS, data["counts"]) if bool(counted)]
    mean = ", ".join(f"{round(float(value), 2) + 0.0:.2f}" for value in data["mean"])
    title = f"mean of {', '.join(named)}: ({mean})" if named else f"nothing counts: ({mean})"
    figure.update_layout(
        title={"text": title, "font": {"size": 14}, "y": 0.97, "yanchor": "top"},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": "#767676"},
        margin={"l": 35, "r": 10, "t": 60, "b": 75},
        height=400,
    )
    return figure
