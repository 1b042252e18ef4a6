"""A sample text cut into its pieces, and bytes per piece, as merges are added one after the other."""

from groundup.authoring import slider

MOST = 120  # merges that are learned
WIDTH = 32  # bytes in a row of boxes
TRAINING = (
    "Four score and seven years ago our fathers brought forth, on this continent, a new nation, conceived in Liberty, "
    "and dedicated to the proposition that all men are created equal. Now we are engaged in a great civil war, testing "
    "whether that nation, or any nation so conceived and so dedicated, can long endure. We are met on a great "
    "battle-field of that war. We have come to dedicate a portion of that field, as a final resting place for those who "
    "here gave their lives that that nation might live. It is altogether fitting and proper that we should do this."
)
SAMPLES = {
    "its training text": "We are met on a great battle-field of that war. We have come to dedicate a portion of that field.",
    "other English": "how much wood would a woodchuck chuck if a woodchuck could chuck wood",
    "German": "Wie viel Holz würde ein Murmeltier fällen, wenn ein Murmeltier Holz fällen könnte?",
    "Japanese": "ウッドチャックが木を投げられるなら、どれだけの木を投げるだろう。",
    "numbers and code": "for year in range(1863, 2024): total += 3.14159 * year ** 2",
}

sliders = {
    "merges": slider("merges learned", 0, MOST, step=4, start=40),
    "sample": slider("text to encode", choices=tuple(SAMPLES)),
}
needs_builds = ("train_bpe", "encode")
caption = (
    "The merges are learned from the beginning of the Gettysburg Address (Lincoln, 1863). Above, the chosen text, each box "
    "one id and each id its color; below, how many bytes one id stands for. A tokenizer with fewer merges is the beginning of the list."
)


def compute(my, merges, sample):
    learned = my.train_bpe(TRAINING, 256 + MOST)
    pieces = [bytes([byte]) for byte in range(256)] + [left + right for left, right in learned]
    text = SAMPLES[sample]
    size = len(text.encode("utf-8"))
    steps = sorted({*range(0, MOST + 1, 15), merges})
    cut = {step: my.encode(text, learned[:step]) for step in steps}
    return {
        "ids": cut[merges],
        "pieces": [pieces[id] for id in cut[merges]],
        "steps": steps,
        "bytes_per_id": [size / len(cut[step]) for step in steps],
        "merges": merges,
        "last": [left + right for left, right in learned[max(merges - 5, 0) : merges]],
    }


def _shown(piece):
    """A piece as it can be read: a space as ␣, bytes that are no character by themselves in hexadecimal."""
    try:
        return piece.decode("utf-8").replace(" ", "␣")
    except UnicodeDecodeError:
        return piece.hex(" ").upper()


def _rows(pieces, width):
    """Where each piece stands: (row, first byte in the row)."""
    row = start = 0
    for piece in pieces:
        if start and start + len(piece) > width:
            row, start = row + 1, 0
        yield row, start
        start += len(piece)


def draw(data):
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    colors = ("#9ec5fe", "#ffd8a8", "#b2f2bb", "#eebefa", "#ffc9c9", "#99e9f2", "#ffec99")
    pieces = data["pieces"]
    places = list(_rows(pieces, WIDTH))
    figure = make_subplots(rows=2, cols=1, row_heights=[0.55, 0.45], vertical_spacing=0.16)
    figure.add_trace(
        go.Bar(
            orientation="h",
            y=[row for row, _ in places],
            base=[start for _, start in places],
            x=[len(piece) for piece in pieces],
            text=[_shown(piece) for piece in pieces],
            customdata=[[id, piece.hex(" ").upper()] for id, piece in zip(data["ids"], pieces)],
            hovertemplate="%{text}<br>id %{customdata[0]}<br>bytes %{customdata[1]}<extra></extra>",
            marker={
                "color": [colors[id % len(colors)] for id in data["ids"]],
                "line": {"width": 1, "color": "#495057"},
            },
            textposition="inside",
            insidetextanchor="middle",
            textangle=0,
            textfont={"color": "#111", "family": "monospace", "size": 12},
            width=0.8,
            showlegend=False,
        ),
        row=1,
        col=1,
    )
    now = data["steps"].index(data["merges"])
    figure.add_trace(
        go.Scatter(
            x=data["steps"], y=data["bytes_per_id"], mode="lines+markers", line={"color": "#1c7ed6"}, showlegend=False
        ),
        row=2,
        col=1,
    )
    figure.add_trace(
        go.Scatter(
            x=[data["merges"]],
            y=[data["bytes_per_id"][now]],
            mode="markers",
            marker={"size": 13, "color": "#e8590c"},
            showlegend=False,
        ),
        row=2,
        col=1,
    )
    size = sum(map(len, pieces))
    last = ", ".join(_shown(piece) for piece in data["last"])
    figure.update_layout(
        title={
            "text": f"{size} bytes, {len(pieces)} ids" + (f"; learned last: {last}" if last else ""),
            "font": {"size": 14},
        },
        margin={"l": 50, "r": 20, "t": 45, "b": 45},
        height=420,
        bargap=0,
    )
    figure.update_yaxes(range=[3.5, -0.5], visible=False, row=1, col=1)
    figure.update_xaxes(visible=False, range=[0, WIDTH], row=1, col=1)
    figure.update_xaxes(title="merges", range=[-2, MOST + 2], row=2, col=1)
    figure.update_yaxes(title="bytes per id", range=[0.8, 3.2], row=2, col=1)
    return figure
