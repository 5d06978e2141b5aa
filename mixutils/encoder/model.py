"""``Classifier``: a Hugging Face encoder with a head, whose hidden states can be *edited* in mid-forward.

One mechanism serves all hidden mixing. An ``Edit`` names a level and a function; the layers above the level see only
what the function returns. Level 0 is the embedding output h_0, level k the output of encoder layer k (1-based,
SPEC 1.1). The function may change the number of rows, so that work below the level is never done twice: TMix runs the
clean rows to level k and clean rows plus mixtures from there; DMIX runs anchors and partners below and mixtures above.

No model code is copied: an edit is a forward hook that lives for one call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from ..tasks.encode import Batch
from . import packing
from .attention import PACKED
from .dropout import Dropout, take_over
from .load import EncoderError
from .packing import Packing

#: Architectures whose edits are tested level by level; any other is tried on a toy batch before it is used.
TESTED = {"bert", "roberta", "distilbert", "electra", "mpnet", "xlm-roberta", "deberta-v2", "modernbert", "cnn", "lstm"}
Mask = Literal["union", "first", "ones"]
MASKS = get_args(Mask)
WORDS = "words"  # level of the word embeddings, before positions and segments are added


@dataclass(frozen=True)
class Edit:
    """A change of the hidden states at one level."""

    level: int | str  # 0 for h_0, k for the output of layer k, ``WORDS`` for the word embeddings
    #: (R, L, d) -> (R', L, d), states of the R rows of the batch to states of the rows above. Of each new row it may read only
    #: the two rows named below: other places may not have been computed (see ``packing``).
    mix: Callable[[Tensor], Tensor]
    first: Tensor  # (R',) int64, for every new row the row whose mask it has
    second: Tensor | None = None  # (R',) int64, the row that is mixed in
    #: What the layers above may attend to (SPEC 1.3): "union" of both rows' tokens, those of the "first", or "ones", that is
    #: everything, padding included.
    mask: Mask = "union"
    clean: int = 0  # number of leading new rows that are no mixtures and keep their mask under every rule

    def __post_init__(self) -> None:
        if self.mask not in MASKS:
            raise ValueError(f"mix_mask must be one of {', '.join(MASKS)}, not {self.mask!r}")

    def edit_mask(self, mask: Tensor | None, rows: int) -> Tensor | None:
        """The encoder's own mask for the new rows; ``rows`` is R.

        Encoders prepare the mask in different forms: additive floats (0 keep, very negative hide), booleans or integers
        (true keep), or None where nothing is padded. None stays None under each of the three rules.
        """
        if mask is None:
            return None
        mask = mask.expand(rows, *mask.shape[1:])  # some encoders share one mask between rows
        new = mask[self.first]
        if self.mask == "ones":
            new[self.clean :] = 0 if new.is_floating_point() else 1  # indexing above has made a copy
            return new
        if self.mask == "first" or self.second is None:
            return new
        other = mask[self.second]
        return torch.maximum(new, other) if new.is_floating_point() else new | other

    def read(self, mask: Tensor, new: Tensor) -> Tensor:
        """Places of the R rows, (R, L) bool, that somebody reads: their own tokens, and what shows in a new row (R', L)."""
        times = mask.long()
        for rows in (self.first, self.second):
            if rows is not None:
                times.index_add_(0, rows, new.long())
        return times > 0


@dataclass
class Output:
    """What a forward pass returns; R' rows."""

    logits: Tensor  # (R', C)
    vector: Tensor  # (R', d), the sentence vector that enters dropout and the last linear layer
    states: Tensor  # (R', L, d), last hidden states
    kept: dict[int | str, Tensor]  # level -> (R, L, d), unedited states that were asked for


def find_layers(encoder: nn.Module) -> nn.ModuleList:
    """The encoder's list of layers.

    Raises:
        EncoderError: there is not exactly one list with as many layers of one class as the configuration says
            (ALBERT, for one, has a single layer that it calls again and again).
    """
    wanted = getattr(encoder.config, "num_hidden_layers", None)
    lists = [m for m in encoder.modules() if isinstance(m, nn.ModuleList) and len(m) == wanted]
    lists = [m for m in lists if len(set(map(type, m))) == 1]
    if not lists or getattr(encoder.config, "is_encoder_decoder", False):
        raise EncoderError(
            f"the architecture {encoder.config.model_type!r} has no plain list of {wanted} layers, "
            "so its states cannot be edited (ALBERT, for one, has one layer that it calls again and again)"
        )
    # A layer may itself hold a list of the same length: the outermost list has the most parameters.
    return max(lists, key=lambda m: sum(p.numel() for p in m.parameters()))


def positions(encoder: nn.Module) -> int | None:
    """Tokens of a text that an encoder has positions for; None if they are in no table."""
    for name, module in encoder.named_modules():
        if name.endswith("position_embeddings") and isinstance(module, nn.Embedding):
            # RoBERTa and its relatives count from the place after that of padding.
            return module.num_embeddings - (0 if module.padding_idx is None else module.padding_idx + 1)
    return None


def scale_level(level: int, layers: int) -> int:
    """A level that a paper gives for 12 layers, on an encoder with ``layers``.

    The rule is ceil(level · layers / 12): 0 stays the embedding output, the top stays the top, and no other
    level falls to 0. {7, 9, 12} becomes {4, 5, 6} on six layers.
    """
    if not 0 <= level <= 12:
        raise ValueError(f"level {level} is not between 0 and 12")
    return -(-level * layers // 12)


class Classifier(nn.Module):
    """A Hugging Face encoder, pooler (dense and tanh on the first token), dropout, linear layer (SPEC 1.1, last paragraph)."""

    def __init__(self, encoder: nn.Module, classes: int, dropout: float | None = None) -> None:
        super().__init__()
        config = encoder.config
        self.encoder = encoder  # without its own pooler
        vars(self)["layers"] = find_layers(encoder)  # by this way they are not registered a second time
        self.depth = config.num_hidden_layers
        self.width = config.hidden_size  # d
        self.longest = positions(encoder)  # tokens
        self.input_width = getattr(config, "word_size", self.width)  # of h_0: word vectors, if shallow
        std = getattr(config, "initializer_range", 0.02)
        own = getattr(encoder, "pooler", None)
        pooled = getattr(own, "dense", None)
        self.pooler = _linear(self.width, self.width, std)
        if isinstance(pooled, nn.Linear) and pooled.weight.shape == self.pooler.weight.shape:
            self.pooler = pooled  # BERT's pretrained pooler
        if own is not None:
            encoder.pooler = None
        if getattr(config, "one_state", False):
            self.pooler = None  # a shallow encoder's only state is the sentence vector
        p = dropout if dropout is not None else getattr(config, "classifier_dropout", None)
        p = p if p is not None else getattr(config, "hidden_dropout_prob", 0.1)
        self.dropout = Dropout(p)
        take_over(encoder)
        self.classifier = _linear(self.width, classes, std)
        self.work = 0.0  # rows × layers of all forward passes so far; passes per step are counted with it
        # Tokens × layers likewise, with the padding that is computed: a mixture is as long as the longer of its texts.
        self.tokens = 0
        # Whether padding is left out of the layers (see ``packing``); its states are then zero or anything.
        self.packs = config._attn_implementation == PACKED
        # DeBERTa-v2's optional convolution reads the embeddings again, past an edit of h_0: such a model is tried too.
        if config.model_type not in TESTED or getattr(config, "conv_kernel_size", 0):
            check_editable(self)

    def fits(self, max_length: int) -> int:
        """So many of ``max_length`` tokens as the encoder has positions for."""
        return min(max_length, self.longest or max_length)

    @contextmanager
    def mode(self, training: bool, counted: bool = True) -> Iterator[None]:
        """Training or evaluation mode for a while. Passes that belong to no training step are not ``counted``."""
        before, work, tokens = self.training, self.work, self.tokens
        self.train(training)
        try:
            yield
        finally:
            self.train(before)
            if not counted:
                self.work, self.tokens = work, tokens

    def forward(self, batch: Batch, edit: Edit | None = None, keep: tuple[int | str, ...] = ()) -> Output:
        """Logits of a batch of R rows, with a change on the way if there is an ``edit``.

        The unedited states of the levels to ``keep`` are returned with ``retain_grad`` set, for saliency.

        Raises:
            ValueError: a level that is neither in 0..depth nor ``WORDS``.
        """
        states, kept = self.encode(batch, edit, keep)
        vector = self.pool(states)
        return Output(self.classify(vector), vector, states, kept)

    def encode(
        self, batch: Batch, edit: Edit | None = None, keep: tuple[int | str, ...] = ()
    ) -> tuple[Tensor, dict[int | str, Tensor]]:
        """Last hidden states (R', L, d), and the kept levels; see ``forward``."""
        inputs = batch.inputs()
        if edit is not None and edit.level == WORDS:
            inputs, edit = self._edit_words(batch, edit), None
        for level in (*keep, *([edit.level] if edit else [])):
            if level not in (WORDS, *range(self.depth + 1)):
                raise ValueError(f"level {level} is not between 0 and {self.depth}, the depth of this encoder")
        kept: dict[int | str, Tensor] = {}
        with ExitStack() as stack:
            pack = self.packs and not set(keep) - {0, WORDS}  # what is kept of higher levels, is kept with its padding
            for level in keep:
                self._hook(stack, level, lambda h, level=level: kept.setdefault(level, h))
            if pack:
                computed = self._hook_packing(stack, edit, inputs["attention_mask"].bool())
            elif edit is not None:
                self._hook(stack, edit.level, edit.mix)
                self._hook_masks(stack, edit, len(batch))
            states = self.encoder(**inputs).last_hidden_state
            if pack:
                states = packing.current.get().unpack(states)
        for unedited in kept.values():
            if unedited.requires_grad:
                unedited.retain_grad()
        below = edit.level if edit else 0
        rows = (len(batch), len(states))
        self.work += rows[0] * below + rows[1] * (self.depth - below)
        under, over = computed if pack else (n * batch.input_ids.shape[1] for n in rows)
        self.tokens += under * below + over * (self.depth - below)
        return states, kept

    def _edit_words(self, batch: Batch, edit: Edit) -> dict[str, Tensor]:
        """The encoder's inputs with edited word embeddings. Encoders that count positions from ids count places here."""
        inputs = {k: v[edit.first] for k, v in batch.inputs().items() if k != "input_ids"}
        inputs["attention_mask"] = edit.edit_mask(batch.attention_mask, len(batch))
        return inputs | {"inputs_embeds": edit.mix(self.encoder.get_input_embeddings()(batch.input_ids))}

    def pool(self, states: Tensor) -> Tensor:
        """Sentence vector (R, d): tanh(dense(first token)); of a shallow encoder its only state."""
        return states[:, 0] if self.pooler is None else torch.tanh(self.pooler(states[:, 0]))

    def classify(self, vector: Tensor) -> Tensor:
        """Logits (R, C) of sentence vectors."""
        return self.classifier(self.dropout(vector))

    def before_head(self, vector: Tensor) -> Tensor:
        """Sentence vectors (R, d) as DNM's and NonlinearMixup's own head reads them in training, in the place of ``classify``.

        There is no dropout in front of it (SPEC NA11), but for a shallow encoder, whose layers have none.
        """
        return self.dropout(vector) if self.pooler is None else vector

    def _hook(self, stack: ExitStack, level: int | str, function: Callable[[Tensor], Tensor]) -> None:
        """Pass the states at ``level`` through ``function``: before layer ``level``, or after the look-up or the last layer."""

        def change(module, args, output=None):
            value = args if output is None else output  # MPNet's and DeBERTa's layers return tuples too
            return (function(value[0]), *value[1:]) if isinstance(value, tuple) else function(value)

        if level in (WORDS, self.depth):
            below = self.encoder.get_input_embeddings() if level == WORDS else self.layers[-1]
            handle = below.register_forward_hook(change)
        else:
            handle = self.layers[level].register_forward_pre_hook(change)
        stack.callback(handle.remove)

    def _hook_masks(self, stack: ExitStack, edit: Edit, rows: int) -> None:
        """Give every layer above the edit the new rows' mask, and other per-row inputs in the new rows' order."""

        def change(value, is_mask: bool):
            if is_mask:
                return edit.edit_mask(value, rows)
            # MPNet's position bias has one entry per row of the batch.
            per_row = isinstance(value, Tensor) and value.dim() >= 3 and value.shape[0] == rows
            return value[edit.first] if per_row and len(edit.first) != rows else value

        def before(module, args, kwargs):
            # The mask is the keyword "attention_mask" or the second positional argument.
            place = "attention_mask" if "attention_mask" in kwargs else 1
            new = [v if i == 0 else change(v, i == place) for i, v in enumerate(args)]
            return tuple(new), {name: change(v, name == place) for name, v in kwargs.items()}

        for layer in self.layers[edit.level :]:
            stack.callback(layer.register_forward_pre_hook(before, with_kwargs=True).remove)

    def _hook_packing(self, stack: ExitStack, edit: Edit | None, visible: Tensor) -> tuple[int, int]:
        """Pack the states before the first layer; around an edit above it they are rows again. ``visible``: (R, L) bool.

        Returns the tokens that a layer below the edit computes, and one above it.
        """
        new = visible if edit is None else edit.edit_mask(visible, len(visible))
        above = Packing.of(new, new)

        def pack(packed: Packing, states: Tensor) -> Tensor:
            packing.current.set(packed)
            return packed.pack(states)

        stack.callback(packing.current.reset, packing.current.set(None))
        if edit is None or edit.level == 0:
            self._hook(stack, 0, lambda h: pack(above, edit.mix(h) if edit else h))
            return 0, len(above.index)
        below = Packing.of(edit.read(visible, new), visible)
        self._hook(stack, 0, lambda h: pack(below, h))
        self._hook(stack, edit.level, lambda h: pack(above, edit.mix(below.unpack(h))))
        return len(below.index), len(above.index)

    def keep_rows(self, vocabulary: Tensor) -> None:
        """Keep only the word-embedding rows that a task uses (``EncodedTask.vocabulary``).

        An unused row has zero gradient in every step, so leaving it out changes neither the loss nor any other parameter,
        gradient clipping included; it only spares the optimiser most of its memory traffic.
        """
        old = self.encoder.get_input_embeddings()
        kept = old.weight.detach()[vocabulary.to(old.weight.device)]
        new = nn.Embedding.from_pretrained(kept, freeze=False, padding_idx=old.padding_idx)
        self.encoder.set_input_embeddings(new)


def _linear(inside: int, outside: int, std: float) -> nn.Linear:
    """A layer with weights of N(0, std²) and bias 0."""
    layer = nn.Linear(inside, outside)
    nn.init.normal_(layer.weight, std=std)
    nn.init.zeros_(layer.bias)
    return layer


def toy_batch(model: Classifier) -> Batch:
    """Three rows of eight tokens, the second with padding."""
    ids = (torch.arange(24).reshape(3, 8) % 20 + 5) % model.encoder.get_input_embeddings().num_embeddings
    mask = torch.ones_like(ids)
    mask[1, 5:] = 0
    zeros = torch.zeros(3, dtype=torch.long)
    return Batch(ids, mask, None, torch.zeros_like(ids, dtype=torch.int8), zeros, zeros)


@torch.no_grad()
def check_editable(model: Classifier, levels: Iterable[int] = ()) -> None:
    """Try edits on a toy batch: at every level of an architecture that we do not know, or at the given ones.

    Raises:
        EncoderError: an edit that changes nothing changed something, or exchanging two rows did not exchange the output.
    """
    batch = toy_batch(model)
    swap = torch.tensor([1, 0, 2])
    try:
        with model.mode(training=False, counted=False):
            plain, _ = model.encode(batch)
            for level in levels or range(model.depth + 1):
                same, _ = model.encode(batch, Edit(level, lambda h: h, torch.arange(3)))
                swapped, _ = model.encode(batch, Edit(level, lambda h: h[swap], swap))
                if not torch.equal(same, plain) or not torch.allclose(swapped, plain[swap], atol=1e-5):
                    raise EncoderError(f"an edit at level {level} did not do what it should")
    except Exception as error:
        raise EncoderError(
            f"the architecture {model.encoder.config.model_type!r} cannot be edited ({error}); "
            f"tested: {', '.join(sorted(TESTED))}"
        ) from error
