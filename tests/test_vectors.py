"""Files of word vectors and their tokenizer."""

from __future__ import annotations

import numpy as np
import pytest

from mixutils.encoder.load import EncoderError, load_encoder, load_tokenizer
from mixutils.encoder.vectors import SPECIAL, read_vectors, word_tokenizer

LINES = ["the 0.1 -0.2 0.3", "film 1 2 3", "' 0 0 1", "don 1e-3 -4 5.5", "café 7 8 9", "2nd 1 1 1"]


def write(folder, lines=LINES, name="glove.txt"):
    path = folder / name
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def test_words_and_numbers_are_the_files(tmp_path):
    found = read_vectors(write(tmp_path))
    assert found.words == ("the", "film", "'", "don", "café", "2nd")
    expected = [[float(x) for x in line.split()[1:]] for line in LINES]
    np.testing.assert_array_equal(found.matrix, np.array(expected, np.float32))
    assert found.matrix.dtype == np.float32
    assert found.name == "glove.txt"


def test_many_lines_are_read_in_blocks(tmp_path):
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=(9001, 4)).round(4)
    lines = [f"w{i} {' '.join(map(str, row))}" for i, row in enumerate(numbers)]
    found = read_vectors(write(tmp_path, lines))
    np.testing.assert_allclose(found.matrix, numbers.astype(np.float32))
    lines[8999] = "w8999 1 2 3 nan"
    with pytest.raises(ValueError, match="line 9000: expected a word and 4 finite numbers"):
        read_vectors(write(tmp_path, lines, "bad.txt"))


def test_a_header_is_skipped_and_repeated_and_special_words_count_once(tmp_path):
    found = read_vectors(write(tmp_path, ["5 3", *LINES[:2], "film 9 9 9", "[UNK] 1 1 1", "", "a 1 2 3"]))
    assert found.words == ("the", "film", "a")
    assert found.matrix[1].tolist() == [1, 2, 3]


def test_words_with_blanks_are_counted_from_the_end(tmp_path):
    found = read_vectors(write(tmp_path, ["the 1 2 3", ". . . 4 5 6"]))
    assert found.words == ("the", ". . .")
    assert found.matrix[1].tolist() == [4, 5, 6]


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        (["the 1 2 3", "film 1 2"], "line 2: expected a word and 3"),
        (["the 1 2 3", "film 1 x 3"], "line 2: expected a word and 3"),
        (["the 1 2 3", "film 1 inf 3"], "line 2: expected a word and 3"),
        (["the 1 2 3", "film"], "line 2: expected a word and 3"),
        (["the"], "line 1: expected a word and 1"),
        ([""], "has no word vectors"),
    ],
)
def test_a_line_that_does_not_fit_is_named(lines, complaint, tmp_path):
    path = write(tmp_path, lines)
    with pytest.raises(ValueError, match=complaint):
        read_vectors(path)
    with pytest.raises(EncoderError, match="word vectors are minilm, random, or a text file"):
        load_encoder(f"cnn:{path}")


def test_a_file_that_is_not_there_is_said_so():
    for load in (load_encoder, load_tokenizer):
        with pytest.raises(EncoderError, match=r"there is no file of word vectors '/no/such\.txt'"):
            load("lstm:/no/such.txt")


def test_a_changed_file_is_read_again(tmp_path):
    first = read_vectors(write(tmp_path))
    assert read_vectors(tmp_path / "glove.txt") is first
    other = read_vectors(write(tmp_path, [*LINES, "new 1 1 1"]))
    assert other.words[-1] == "new"
    assert other.digest != first.digest


def test_the_tokenizer_knows_the_files_words_and_no_others(tmp_path):
    tokenizer = word_tokenizer(read_vectors(write(tmp_path)))
    ids = tokenizer("The café don't screen!")["input_ids"]
    words = tokenizer.convert_ids_to_tokens(ids)
    assert words == ["[CLS]", "the", "café", "don", "'", "[UNK]", "[UNK]", "[UNK]", "[SEP]"]
    assert [tokenizer.convert_tokens_to_ids(t) for t in SPECIAL] == [0, 1, 2, 3]
    pair = tokenizer("the film", "the")
    assert pair["input_ids"] == [2, 4, 5, 3, 4, 3]
    assert pair.sequence_ids(0) == [None, 0, 0, None, 1, None]
    assert tokenizer.is_fast


def test_a_file_with_capitals_keeps_them(tmp_path):
    tokenizer = word_tokenizer(read_vectors(write(tmp_path, ["The 1 1", "film 1 2"])))
    assert tokenizer.tokenize("The the Film film") == ["The", "[UNK]", "[UNK]", "film"]
