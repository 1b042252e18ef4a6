"""The graph of one neuron's loss, and the way back through it, one tensor at a time."""

from groundup.authoring import slider

# name, its place (column, row), what it is made of, as text
NODES = {
    "x": (0.0, 0.0, "x"),
    "w": (1.9, 0.0, "w"),
    "b": (0.0, 1.0, "b"),
    "m": (0.95, 1.0, "m = x · w"),
    "s": (0.95, 2.0, "s = m + b"),
    "y": (0.0, 3.0, "y"),
    "p": (0.95, 3.0, "p = tanh s"),
    "r": (1.9, 3.0, "r = w · w"),
    "e": (0.95, 4.0, "e = p − y"),
    "q": (0.95, 5.0, "q = e · e"),
    "loss": (1.9, 6.0, "loss = q + r"),
}
OPERANDS = {"m": "xw", "s": "mb", "p": "s", "r": "ww", "e": "py", "q": "ee", "loss": "qr"}
TURNS = ("loss", "r", "q", "e", "y", "p", "s", "b", "m", "x", "w")

sliders = {
    "turns": slider("tensors whose turn has come", 0, len(TURNS), step=1, start=6),
    "w": slider("weight w", -2.0, 2.0, step=0.1, start=0.8),
    "x": slider("input x", -2.0, 2.0, step=0.1, start=1.5),
}
needs_builds = ("Tensor",)
caption = (
    "Forward runs from top to bottom: black numbers. The way back begins at the loss, whose gradient for itself is 1, and "
    "goes up. When a tensor's turn comes, its gradient is complete (orange, “grad”) and it sends a share along "
    "each line; the shares stand beside the lines. w is used in three places, x · w and twice in w · w: it is last in the "
    "order, and until then what it holds is only a part."
)


def _operation(name, a, b):
    if name in ("m", "r", "q"):
        return a * b
    if name in ("s", "loss"):
        return a + b
    return a.tanh() if name == "p" else a - b


def compute(my, turns, w, x):
    tensors = {"x": my.Tensor(x), "w": my.Tensor(w), "b": my.Tensor(-0.4), "y": my.Tensor(-0.5)}
    for name, operands in OPERANDS.items():
        tensors[name] = _operation(name, tensors[operands[0]], tensors[operands[-1]])
    tensors["loss"].backward()
    sent = {}
    for name, operands in OPERANDS.items():  # each operation once more, by itself and between fresh tensors
        fresh = [my.Tensor(tensors[one].data) for one in operands]
        (_operation(name, fresh[0], fresh[-1]) * float(tensors[name].grad)).backward()
        sent[name] = [float(one.grad) for one in fresh]
    return {
        "values": {name: float(one.data) for name, one in tensors.items()},
        "gradients": {name: float(one.grad) for name, one in tensors.items()},
        "sent": sent,
        "turns": int(turns),
    }


def _number(value):
    return f"{round(float(value), 2) + 0.0:.2f}".replace("-", "−")


def _lines(shapes, notes, data, done):
    """One line from each operand to its result; orange, with what was sent, once the result's turn has come."""
    for name, operands in OPERANDS.items():
        x1, y1, _ = NODES[name]
        for operand in dict.fromkeys(operands):
            x0, y0, _ = NODES[operand]
            active = name in done
            style = {"color": "#d9480f", "width": 3} if active else {"color": "#868e96", "width": 1.5}
            shapes.append({"type": "line", "x0": x0, "y0": y0, "x1": x1, "y1": y1, "line": style, "layer": "below"})
            if active:
                shares = [share for one, share in zip(operands, data["sent"][name]) if one == operand]
                left = x0 < x1 or (x0 == x1 and x0 > 1)  # on which side of the line there is room
                notes.append({
                    "x": (x0 + x1) / 2, "y": y0 + (y1 - y0) * (0.3 if operand == "r" else 0.5),
                    "text": " + ".join(map(_number, shares)).replace("+ −", "− "), "showarrow": False,
                    "font": {"color": "#d9480f", "size": 12}, "xanchor": "right" if left else "left",
                    "xshift": -5 if left else 5, "yshift": 0 if x0 == x1 else -7,
                })  # fmt: skip


def _boxes(shapes, notes, data, done, partial):
    for name, (x, y, text) in NODES.items():
        complete = name in done
        fill = "#fff4e6" if complete else "#f8f9fa"
        edge = {"color": "#d9480f" if complete or name in partial else "#868e96", "width": 2 if complete else 1}
        if name in partial:
            edge["dash"] = "dot"
        shapes.append({
            "type": "rect", "x0": x - 0.36, "x1": x + 0.36, "y0": y - 0.29, "y1": y + 0.29, "line": edge,
            "fillcolor": fill, "layer": "between",
        })  # fmt: skip
        below = f"grad {_number(data['gradients'][name])}" if complete else "&nbsp;"
        if name in partial:
            below = f"so far {_number(partial[name])}"
        notes.append({
            "x": x, "y": y, "showarrow": False, "align": "center", "font": {"size": 12, "color": "#212529"},
            "text": f"<b>{text}</b><br>{_number(data['values'][name])}<br><span style='color:#c2410c'>{below}</span>",
        })  # fmt: skip


def _places(data):
    """What the pointer finds: nothing to see, and the numbers in full."""
    import plotly.graph_objects as go

    return go.Scatter(
        x=[place[0] for place in NODES.values()], y=[place[1] for place in NODES.values()], mode="markers",
        marker={"opacity": 0, "size": 40}, showlegend=False,
        customdata=[[name, data["values"][name], data["gradients"][name]] for name in NODES],
        hovertemplate="%{customdata[0]}: value %{customdata[1]:.4f}, gradient %{customdata[2]:.4f}<extra></extra>",
    )  # fmt: skip


def _partial(data, done):
    """What has arrived so far at tensors whose turn has not come."""
    found = {}
    for name in done:
        for operand, share in zip(OPERANDS.get(name, ""), data["sent"].get(name, ())):
            if operand not in done:
                found[operand] = found.get(operand, 0.0) + share
    return found


def _said(data, done):
    if not done:
        return "forward only: no gradient has been sent"
    now = done[-1]
    gradient = _number(data["gradients"][now])
    if now not in OPERANDS:
        return f"{now} has its gradient, {gradient}; nothing lies behind it"
    return f"{now} has its gradient, {gradient}, and sends it on"


def draw(data):
    import plotly.graph_objects as go

    done = TURNS[: int(data["turns"])]
    shapes, notes = [], []  # given to Plotly at once: one by one, each is looked at again for every other
    _lines(shapes, notes, data, done)
    _boxes(shapes, notes, data, done, _partial(data, done))
    figure = go.Figure(_places(data))
    hidden = {"visible": False, "fixedrange": True}
    figure.update_xaxes(range=[-0.42, 2.32], **hidden)
    figure.update_yaxes(range=[6.4, -0.4], **hidden)
    figure.update_layout(
        title={"text": _said(data, done), "font": {"size": 15}, "y": 0.985, "yanchor": "top"},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": "#767676"},
        margin={"l": 5, "r": 5, "t": 45, "b": 5},
        height=640,
        shapes=shapes,
        annotations=notes,
    )
    return figure
