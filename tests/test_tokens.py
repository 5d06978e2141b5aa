"""Sentences as boxes: every token is drawn once, frames follow broken lines, data never become mathematics."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.colors import to_hex

from mixutils.show import style
from mixutils.show.tokens import Strip, _break, draw, relative


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def texts(figure) -> list[str]:
    return [t.get_text() for t in figure.axes[0].texts if t.get_text()]


def test_saliency_is_relative_to_the_largest():
    assert relative([1.0, 4.0, 2.0]) == [0.25, 1.0, 0.5]
    assert relative([0.0, 0.0]) == [0.0, 0.0]
    assert relative([]) == []


def test_every_token_label_and_remark_is_drawn_once():
    strips = [Strip("A:", ["good", "film"], [0.0, 1.0], after="predicted yes"), None, Strip("mix", ["good", "plot"])]
    assert texts(draw(strips, "A title")) == ["A title", "A:", "good", "film", "predicted yes", "mix", "good", "plot"]


def test_shade_origin_and_frame_have_their_colours():
    strip = Strip("A", ["x", "y"], [0.0, 1.0], ["A", "B"], frame=(1, 1, "B"))
    axis = draw([strip]).axes[0]
    boxes, frames = axis.patches[:2], axis.patches[2:]
    assert [to_hex(b.get_facecolor()) for b in boxes] == [to_hex(style.SALIENCY_MAP(v)) for v in (0.0, 1.0)]
    assert [to_hex(t.get_color()) for t in axis.texts if t.get_text() in "xy" and t.get_text()] == [
        style.TEXT_COLOURS["A"],
        style.TEXT_COLOURS["B"],
    ]
    assert [to_hex(f.get_edgecolor()) for f in frames] == [style.TEXT_COLOURS["B"]]
    left = boxes[1].get_x()
    assert frames[0].get_x() < left
    assert frames[0].get_x() + frames[0].get_width() > left + boxes[1].get_width()


def test_an_empty_span_has_no_frame_and_an_empty_text_no_boxes():
    axis = draw([Strip("A", ["x"], frame=(0, 0, "A")), Strip("B", [])]).axes[0]
    assert len(axis.patches) == 1


@pytest.mark.parametrize("word", ["$5", "$a$", "$\\frac$", "a_b^c", "100 %", "$$", "\\alpha", "<b>", "मित्र"])
def test_words_of_data_are_shown_as_they_are(word, tmp_path):
    # "$\frac$" as mathematics would stop the drawing.
    figure = draw([Strip(word, [word, "x"], after=word)], word)
    with pytest.warns(UserWarning, match="missing from font") if not word.isascii() else _nothing():
        figure.savefig(tmp_path / "a.png")
    assert texts(figure).count(word) == 4


class _nothing:
    def __enter__(self):
        pass

    def __exit__(self, *_):
        pass


@settings(max_examples=100, deadline=None)
@given(
    words=st.lists(st.integers(1, 30).map(lambda n: "w" * n), max_size=30),
    room=st.floats(0.5, 8.0),
    span=st.tuples(st.integers(0, 29), st.integers(0, 8)),
)
def test_broken_lines_keep_every_token_in_order_and_the_whole_frame(words, room, span):
    first, length = span[0], min(span[1], max(0, len(words) - span[0]))
    shade = [i / 30 for i in range(len(words))]
    origin = ["A" if i % 2 else "B" for i in range(len(words))]
    whole = Strip("label", words, shade, origin, (first, length, "A"), "after")
    lines = _break([whole], room)
    assert [w for line in lines for w in line.tokens] == words
    assert [s for line in lines for s in line.shade] == shade
    assert [o for line in lines for o in line.origin] == origin
    assert [line.label for line in lines] == ["label"] + [""] * (len(lines) - 1)
    assert [line.after for line in lines] == [""] * (len(lines) - 1) + ["after"]
    framed, start = [], 0
    for line in lines:
        if line.frame:
            framed += range(start + line.frame[0], start + line.frame[0] + line.frame[1])
            assert line.frame[0] + line.frame[1] <= len(line.tokens)
        start += len(line.tokens)
    assert framed == list(range(first, first + length))


def test_gaps_stay_and_short_lines_are_not_broken():
    strips = [Strip("a", ["x", "y"]), None, Strip("b", ["z"])]
    assert _break(strips, 5.0) == [Strip("a", ["x", "y"]), None, Strip("b", ["z"])]
