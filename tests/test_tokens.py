"""Sentences as boxes: every token is drawn once, frames follow broken lines, data never become mathematics."""

from __future__ import annotations

import itertools

import matplotlib.pyplot as plt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.colors import to_hex

from mixutils.show import style
from mixutils.show.tokens import _LINE, Strip, draw, relative


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


@settings(max_examples=40, deadline=None)
@given(
    words=st.lists(st.integers(1, 30).map(lambda n: "w" * n), max_size=30),
    room=st.floats(0.5, 8.0),
    span=st.tuples(st.integers(0, 29), st.integers(0, 8)),
)
def test_broken_lines_keep_every_token_in_order_and_the_whole_frame(words, room, span):
    first, length = span[0], min(span[1], max(0, len(words) - span[0]))
    origin = ["A" if i % 2 else "B" for i in range(len(words))]
    strip = Strip("label", words, [i / 30 for i in range(len(words))], origin, (first, length, "A"), "after")
    axis = draw([strip], width=room + 1.75 + 1.2).axes[0]
    label, *boxes, after = axis.texts
    assert (label.get_text(), [t.get_text() for t in boxes], after.get_text()) == ("label", words, "after")
    assert [t.get_color() for t in boxes] == [style.TEXT_COLOURS[of] for of in origin]
    lines = [-round(t.get_position()[1] / _LINE, 1) for t in boxes]
    for (line, box), (next_line, next_box) in itertools.pairwise(zip(lines, boxes, strict=True)):
        assert (line, box.get_position()[0]) < (next_line, next_box.get_position()[0])
    drawn, frames = axis.patches[: len(words)], axis.patches[len(words) :]
    for box in drawn:  # only what is alone on its line may be wider than the room
        assert box.get_x() < 1.75 + 0.05 or box.get_x() + box.get_width() < 1.75 + room + 0.05
    inside = [
        i
        for frame in frames
        for i, box in enumerate(drawn)
        if frame.get_y() < box.get_y() < frame.get_y() + frame.get_height()
        and frame.get_x() < box.get_x() < frame.get_x() + frame.get_width()
    ]
    assert inside == list(range(first, first + length))
    assert len(frames) == len({lines[i] for i in inside})
    plt.close("all")


def test_gaps_stay_and_short_lines_are_not_broken():
    one, two = (draw(strips).axes[0] for strips in ([Strip("a", ["x", "y"])], [Strip("a", ["x", "y"]), None]))
    assert len({t.get_position()[1] for t in one.texts if t.get_text() in ("x", "y")}) == 1
    assert two.get_ylim()[1] > one.get_ylim()[1]
