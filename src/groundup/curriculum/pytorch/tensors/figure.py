"""A tensor and its memory: which place in memory each entry of a view is, and by which arithmetic."""

import torch

from groundup.authoring import slider

SHAPE = (4, 6)
VIEWS = (
    "the tensor itself",
    "transposed",
    "every second column",
    "the second row, broadcast",
    "windows of 3 in the second row",
)

sliders = {
    "view": slider("view", choices=VIEWS, start="transposed"),
    "i": slider("row i", 0, 5, step=1, start=2),
    "j": slider("column j", 0, 5, step=1, start=1),
}
needs_builds = ("contiguous_strides", "broadcast_shape", "sliding_windows")
caption = (
    "Below, 24 numbers in memory, in order; each holds the number of its own place. Above, the view that was chosen, with that "
    "number in each box. The framed box is entry (i, j); the title shows how its place is found: offset plus i times the first "
    "stride plus j times the second. No number in memory is ever moved. Places that a view does not use are gray. Where a stride is 0, "
    "as in broadcasting, many boxes are one and the same place; windows overlap, so that a place stands in several of them."
)


def compute(my, view, i, j):
    memory = torch.arange(SHAPE[0] * SHAPE[1])
    down, right = my.contiguous_strides(SHAPE)
    offset, shape, strides = 0, SHAPE, (down, right)
    if view == VIEWS[1]:
        shape, strides = SHAPE[::-1], (right, down)
    elif view == VIEWS[2]:
        shape, strides = (SHAPE[0], SHAPE[1] // 2), (down, 2 * right)
    elif view == VIEWS[3]:
        offset, shape, strides = down, my.broadcast_shape((SHAPE[0], 1), (SHAPE[1],)), (0, right)
    places = memory.as_strided(tuple(shape), tuple(strides), offset)
    if view == VIEWS[4]:
        places = my.sliding_windows(memory[down : 2 * down], 3)
        offset, strides = down, places.stride()
    return {
        "places": places,
        "strides": list(strides),
        "offset": offset,
        "i": min(int(i), places.shape[0] - 1),
        "j": min(int(j), places.shape[1] - 1),
        "view": view,
    }


def _boxes(figure, row, numbers, used, framed):
    """A table of numbered boxes; those in ``used`` are colored, the one at ``framed`` (row, column) has a frame."""
    import plotly.graph_objects as go

    rows, columns = len(numbers), len(numbers[0])
    values = [[number if number in used else None for number in line] for line in numbers]
    figure.add_trace(
        go.Heatmap(
            z=values, zmin=0, zmax=SHAPE[0] * SHAPE[1] - 1, colorscale="Cividis", showscale=False, xgap=2, ygap=2,
            hoverinfo="skip",
        ),
        row=row, col=1,
    )  # fmt: skip
    cells = [(x, y, number) for y, line in enumerate(numbers) for x, number in enumerate(line)]
    colors = ["#868e96" if n not in used else "#ffffff" if n < 14 else "#000000" for *_, n in cells]
    figure.add_trace(
        go.Scatter(
            x=[x for x, *_ in cells], y=[y for _, y, _ in cells], text=[str(n) for *_, n in cells], mode="text",
            textfont={"color": colors, "size": 13 if row == 1 else 9}, hoverinfo="skip", showlegend=False,
        ),
        row=row, col=1,
    )  # fmt: skip
    y, x = framed
    figure.add_shape(
        type="rect",
        x0=x - 0.5,
        x1=x + 0.5,
        y0=y - 0.5,
        y1=y + 0.5,
        line={"color": "#d9480f", "width": 4},
        row=row,
        col=1,
    )
    bare = {"showgrid": False, "zeroline": False, "ticks": "", "row": row, "col": 1}
    figure.update_xaxes(
        range=[-0.5, columns - 0.5], tickvals=list(range(columns)), showticklabels=row == 1, side="top", **bare
    )
    figure.update_yaxes(range=[rows - 0.5, -0.5], tickvals=list(range(rows)), showticklabels=row == 1, **bare)


def draw(data):
    from plotly.subplots import make_subplots

    places = [[int(place) for place in line] for line in data["places"]]
    i, j, offset = int(data["i"]), int(data["j"]), int(data["offset"])
    down, right = (int(stride) for stride in data["strides"])
    used = {place for line in places for place in line}
    figure = make_subplots(rows=2, cols=1, row_heights=[0.8, 0.2], vertical_spacing=0.12)
    _boxes(figure, 1, places, used, (i, j))
    _boxes(figure, 2, [list(range(SHAPE[0] * SHAPE[1]))], used, (0, offset + i * down + j * right))
    figure.update_xaxes(title="j", row=1, col=1)
    figure.update_yaxes(title="i", row=1, col=1)
    figure.update_yaxes(title="memory", row=2, col=1)
    title = (
        f"shape ({len(places)}, {len(places[0])})   strides ({down}, {right})   offset {offset}<br>"
        f"entry ({i}, {j}) lies at {offset} + {i} · {down} + {j} · {right} = {offset + i * down + j * right}"
    )
    figure.update_layout(
        title={"text": title, "font": {"size": 15}, "y": 0.955, "yanchor": "top"},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": "#767676"},
        margin={"l": 55, "r": 10, "t": 118, "b": 15},
        height=493,
    )
    return figure
