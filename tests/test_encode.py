"""Tokenised data sets against the tokenizer itself and against Hugging Face's own padding."""

from __future__ import annotations

import functools
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from mixutils.encoder.load import load_tokenizer
from mixutils.tasks import Split, TaskData, encode
from mixutils.tasks.encode import Batch, EncodedTask

TEXTS = ["a house", "the quick brown fox jumps over it", "", "no, it isn't!", " ", "zwölf ☃ 雪", "unbelievably " * 30]
SECOND = ["the house", "", "it", "a" * 90, "yes", "fox " * 40, "brown"]
#: Nothing is left of these after tokenisation.
VANISHING = ["", " ", "\n\t", "\u200b", "\x00", "\ufffd", "\u00ad"]


@functools.cache
def bert():
    """Padding 0, segments; WordPiece that drops characters it does not print."""
    return load_tokenizer("random:tiny")


@functools.cache
def roberta():
    """Padding 1 after <s> = 0, no segments, two separators between texts; bytes instead of an unknown token."""
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    specials = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=specials, initial_alphabet=alphabet, show_progress=False
    )
    core.train_from_iterator(TEXTS, trainer)
    core.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    names = ("bos", "pad", "eos", "unk", "mask")
    special = {f"{name}_token": token for name, token in zip(names, specials, strict=True)}
    inputs = ["input_ids", "attention_mask"]
    return PreTrainedTokenizerFast(
        tokenizer_object=core, cls_token="<s>", sep_token="</s>", model_input_names=inputs, **special
    )


@pytest.fixture(scope="module", params=[bert, roberta])
def tokenizer(request):
    return request.param()


both = pytest.mark.parametrize("pair", [False, True], ids=["single", "pairs"])
any_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


def make_data(first: list[str], second: list[str] | None = None) -> TaskData:
    labels = np.arange(len(first)) % 2
    return TaskData(
        "mine", ("a", "b"), {"train": Split(list(first), second and list(second), labels)}, second is not None
    )


def original_ids(task: EncodedTask, ids: torch.Tensor) -> torch.Tensor:
    """The tokenizer's ids of a task's tokens."""
    return task.vocabulary[ids.long()]


@settings(max_examples=40, deadline=None)
@given(pairs=st.lists(st.tuples(any_text, any_text), min_size=1, max_size=4))
def test_the_words_of_each_text_are_those_that_the_tokenizer_finds(tokenizer, pairs):
    task = encode(make_data(*map(list, zip(*pairs, strict=True))), tokenizer, max_length=400)
    split = task.splits["train"]
    for i, texts in enumerate(pairs):
        for number, text in enumerate(texts):
            found = original_ids(task, split.input_ids[i][split.text_id[i] == number])
            assert tokenizer.convert_ids_to_tokens(found.tolist()) == tokenizer.tokenize(text)


@both
@pytest.mark.parametrize("renumber", [False, True])
@pytest.mark.parametrize("max_length", [8, 24, 128])
def test_a_batch_is_what_hugging_face_pads(tokenizer, pair, renumber, max_length):
    task = encode(make_data(TEXTS, SECOND if pair else None), tokenizer, max_length, renumber)
    for rows in ([0, 1, 2], [2, 4], [6, 0], [3], [5, 5, 1]):
        batch = task.splits["train"].batch(torch.tensor(rows))
        texts = [[column[i] for i in rows] for column in ((TEXTS, SECOND) if pair else (TEXTS,))]
        expected = tokenizer(
            *texts,
            padding=True,
            truncation=True,
            max_length=max_length,
            return_tensors="pt",
            return_special_tokens_mask=True,
        )
        assert torch.equal(original_ids(task, batch.input_ids), expected["input_ids"])
        assert torch.equal(batch.attention_mask, expected["attention_mask"])
        assert torch.equal(batch.text_id == -1, expected["special_tokens_mask"].bool())
        assert ("token_type_ids" in batch.inputs()) == ("token_type_ids" in expected)
        if batch.token_type_ids is not None:
            assert torch.equal(batch.token_type_ids, expected["token_type_ids"])
        assert batch.index.tolist() == rows
        assert batch.labels.tolist() == [i % 2 for i in rows]
        assert {v.dtype for v in batch.inputs().values()} == {torch.int64}
        assert batch.text_id.dtype == torch.int8


@both
def test_names_of_special_tokens_in_a_text_are_text(tokenizer, pair):
    names = tokenizer.all_special_tokens
    texts = [f"a {name} b {name}" for name in names] + ["".join(names)]
    split = encode(make_data(texts, texts[::-1] if pair else None), tokenizer, renumber=False).splits["train"]
    special = torch.isin(split.input_ids, torch.tensor(tokenizer.all_special_ids))
    # An unknown token is a word that the vocabulary lacks, as a bracket may be.
    special &= split.input_ids != tokenizer.unk_token_id
    assert torch.equal(special, split.text_id < 0)
    for i, text in enumerate(texts):
        words = tokenizer.convert_ids_to_tokens(split.input_ids[i][split.text_id[i] == 0].tolist())
        assert re.sub("##|Ġ", "", "".join(words)).lower() == text.replace(" ", "").lower()


def test_the_second_text_comes_after_the_first_and_is_marked_as_such(tokenizer):
    split = encode(make_data(TEXTS, SECOND), tokenizer).splits["train"]
    for marks in split.text_id:
        words = marks[marks >= 0]
        assert torch.equal(words, words.sort().values)
    assert (split.text_id == 1).any(1).tolist() == [bool(text) for text in SECOND]
    assert set(encode(make_data(TEXTS), tokenizer).splits["train"].text_id.unique().tolist()) == {-1, 0}


@settings(max_examples=30, deadline=None)
@given(texts=st.lists(any_text, min_size=1, max_size=5))
def test_renumbering_can_be_undone_and_keeps_only_what_occurs(tokenizer, texts):
    plain = encode(make_data(texts), tokenizer, renumber=False)
    task = encode(make_data(texts), tokenizer)
    ids = plain.splits["train"].input_ids
    assert torch.equal(original_ids(task, task.splits["train"].input_ids), ids.long())
    assert len(task.vocabulary.unique()) == len(task.vocabulary)
    assert set(task.vocabulary.tolist()) == {*ids.unique().tolist(), *tokenizer.all_special_ids}
    assert task.vocabulary[task.unk] == tokenizer.unk_token_id
    assert task.pad == plain.pad == tokenizer.pad_token_id
    assert torch.equal(plain.vocabulary, torch.arange(len(tokenizer)))


def test_padding_keeps_its_number_and_marks_what_is_no_token(tokenizer):
    # RoBERTa takes its positions from here: it counts the tokens that are not padding, starting after padding's number.
    task = encode(make_data(TEXTS), tokenizer)
    batch = task.splits["train"].batch(torch.arange(len(TEXTS)))
    assert task.pad == {True: 0, False: 1}[tokenizer is bert()]
    assert torch.equal((batch.input_ids != task.pad).long(), batch.attention_mask)


def test_padding_keeps_its_number_also_behind_words_that_do_not_occur():
    core = Tokenizer(models.WordLevel({"a": 0, "b": 1, "<pad>": 2, "<unk>": 3, "c": 4}, unk_token="<unk>"))
    words = PreTrainedTokenizerFast(tokenizer_object=core, pad_token="<pad>", unk_token="<unk>")
    task = encode(make_data(["c", "cc"]), words)
    assert task.pad == 2
    assert task.vocabulary[2] == 2
    assert original_ids(task, task.splits["train"].input_ids).flatten().tolist() == [4, 3]


def test_all_parts_share_one_numbering():
    data = make_data(["one two"])
    other = Split(["three one"], None, np.array([1]))
    task = encode(data.with_splits({"train": data.splits["train"], "test": other}), bert())
    one = bert().convert_tokens_to_ids("one")
    places = [(original_ids(task, split.input_ids) == one).nonzero()[0].tolist() for split in task.splits.values()]
    assert places == [[0, 1], [0, 2]]
    assert task.splits["train"].input_ids[0, 1] == task.splits["test"].input_ids[0, 2]


@both
def test_texts_of_which_nothing_is_left_are_rows_without_words(pair, encoder):
    data = make_data(VANISHING, VANISHING[::-1] if pair else None)
    task = encode(data, bert(), renumber=False)
    split = task.splits["train"]
    assert split.lengths.tolist() == [3 if pair else 2] * len(VANISHING)
    assert (split.text_id == -1).all()
    batch = split.batch(torch.arange(len(VANISHING)))
    with torch.no_grad():
        assert encoder.eval()(**batch.inputs()).last_hidden_state.isfinite().all()


def test_empty_rows_stand_beside_others():
    task = encode(make_data(["", "some words", "\u200b"]), bert())
    batch = task.splits["train"].batch(torch.tensor([1, 0, 2]))
    assert (batch.text_id >= 0).sum(1).tolist() == [2, 0, 0]
    assert batch.attention_mask.tolist() == [[1, 1, 1, 1], [1, 1, 0, 0], [1, 1, 0, 0]]


@given(lengths=st.lists(st.integers(0, 12), min_size=1, max_size=30), size=st.integers(1, 10))
@settings(max_examples=25, deadline=None)
def test_evaluation_takes_each_row_once_with_the_least_padding(lengths, size):
    split = encode(make_data(["word " * n for n in lengths]), bert()).splits["train"]
    batches = []

    def see(batch: Batch) -> torch.Tensor:
        batches.append(batch)
        return batch.index

    assert torch.equal(split.each(see, size), torch.arange(len(lengths)))
    rows = torch.cat([batch.index for batch in batches]).tolist()
    assert sorted(rows) == list(range(len(lengths)))
    assert [lengths[i] for i in rows] == sorted(lengths)
    assert all(len(batch) == size for batch in batches[:-1])
    assert all((batch.attention_mask[:, -1] == 1).any() for batch in batches)


def test_rows_of_a_batch_can_be_picked_repeated_and_given_other_tokens():
    batch = encode(make_data(TEXTS, SECOND), bert()).splits["train"].batch(torch.arange(4))
    for picked, rows in ((torch.tensor([3, 0, 0]), [3, 0, 0]), (slice(1, 3), [1, 2])):
        some = batch.rows(picked)
        assert len(some) == len(rows)
        assert some.index.tolist() == rows
        assert torch.equal(some.input_ids, batch.input_ids[rows])
        assert torch.equal(some.token_type_ids, batch.token_type_ids[rows])
    other = replace(batch, input_ids=torch.zeros_like(batch.input_ids))
    assert other.input_ids.sum() == 0
    assert other.attention_mask is batch.attention_mask
    assert batch.input_ids.sum() > 0


def test_a_task_moves_to_a_device_as_a_whole(tokenizer):
    task = encode(make_data(TEXTS), tokenizer).to("meta")
    split = task.splits["train"]
    tensors = (split.input_ids, split.text_id, split.lengths, split.labels, split.token_type_ids)
    assert {t.device.type for t in tensors if t is not None} == {"meta"}
    assert (split.token_type_ids is None) == (tokenizer is roberta())


@pytest.mark.parametrize("padding_side", ["left", "right"])
def test_padding_is_on_the_right_whatever_the_tokenizer_prefers(padding_side, monkeypatch):
    monkeypatch.setattr(bert(), "padding_side", padding_side)
    split = encode(make_data(["one", "one two three"]), bert()).splits["train"]
    assert split.batch(torch.arange(2)).attention_mask.tolist() == [[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]]
    assert split.input_ids[0, 3:].tolist() == [0, 0]
