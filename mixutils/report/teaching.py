"""For the first notebook: what each mixer does to the same two sentences, drawn by running it.

A mixer is not described here but *traced*: its real training step runs on a stand-in model that records which share of
every unit comes from the partner. States of sentence A are filled with 0 and those of B with 1, so that whatever linear
or selective mixing the mixer applies to them is that share.
"""

from __future__ import annotations

from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.colors import LinearSegmentedColormap, to_rgba
from matplotlib.patches import Patch
from torch import Tensor, nn

from .. import rng
from ..encoder.model import Classifier, Edit, Output
from ..encoder.saliency import separate, token_saliency
from ..mixers import REGISTRY, Mixer, build
from ..mixers.dnm import DNM
from ..mixers.plain import Plain
from ..show import tokens
from ..show.style import TEXT_COLOURS, colour
from ..tasks import DataError
from ..tasks.data import Split
from ..tasks.encode import Batch, EncodedTask, _encode_split

WIDTH = 32  # hidden units that are drawn
#: White is A, the colour of B in ``token_edits`` is B.
SHARE_MAP = LinearSegmentedColormap.from_list("share", ["white", TEXT_COLOURS["B"]])


@dataclass(frozen=True)
class Trace:
    """What a step did to A.

    Attributes:
        place: where it was mixed, for people. share: (tokens, units) or (1, units), share of the partner in [0, 1].
        w_b: the partner's weight in this mixture's label. ids: token ids of the mixture, or None where no token was changed.
        nobody: (tokens, units) bool, units that come from neither sentence ([UNK]), or None.
    """

    place: str
    share: np.ndarray
    w_b: float
    ids: list[int] | None
    nobody: np.ndarray | None = None


class TwoSentences:
    """Two sentences, tokenised, with an encoder.

    Args:
        text_a, text_b: the sentences. encoder: see ``encoders``.
    """

    def __init__(self, text_a: str, text_b: str, encoder: str = "minilm") -> None:
        from ..encoder.load import load_encoder, load_tokenizer

        if not text_a.strip() or not text_b.strip():
            raise DataError("both sentences need at least one word")
        self.tokenizer = load_tokenizer(encoder)
        torch.manual_seed(rng.derive(0, "teaching"))
        self.model = Classifier(load_encoder(encoder, None, "eager"), 2).eval()
        split = _encode_split(Split([text_a, text_b], None, np.array([0, 1])), self.tokenizer, 64)
        unk, pad = self.tokenizer.unk_token_id, self.tokenizer.pad_token_id
        self.task = EncodedTask({"train": split}, 2, torch.arange(len(self.tokenizer)), unk, pad)
        self.batch = split.batch(torch.arange(2))

    def words(self, row: int, ids: Tensor | None = None) -> list[str]:
        """Tokens of a row without special ones."""
        inside = self.batch.text_id[row] >= 0
        chosen = (self.batch.input_ids[row] if ids is None else ids)[inside]
        return self.tokenizer.convert_ids_to_tokens(chosen.tolist())

    def saliency(self) -> Tensor:
        """(2, L) float32. The head is new, so this is the saliency of the very first training step."""
        return token_saliency(separate(self.model, self.batch, train_mode=False))

    def trace(self, name: str, seed: int = 0, **options) -> Trace:
        """Run one step of a mixer on A and B and see what it does to A."""
        mixer = build(name, **options)
        spy = _Spy(self.model)
        weights = _listen(mixer)
        draws = rng.numpy_rng(seed, "teaching", name)
        mixer.prepare(self.model, self.task, draws)
        for part in mixer.losses(spy, self.batch, draws):
            if part.loss.requires_grad:
                (part.weight * part.loss).backward()
        self.model.zero_grad()
        inside = self.batch.text_id[0] >= 0
        w_b = weights[-1] if weights else 0.0
        if isinstance(mixer, DNM):  # mixes vectors that it has already, in one place for all pairs
            nonlinear = mixer.options.mix == "nonlinear"
            share = mixer.policy()[1].detach() if nonlinear else torch.full((WIDTH,), w_b)
            return Trace("sentence vector", share[None, :WIDTH].numpy(), w_b, None)
        if spy.share is not None:
            share = spy.share[0] if spy.share.dim() == 2 else spy.share[0][: len(inside)][inside]
            return Trace(spy.place, np.atleast_2d(share.numpy()), w_b, None)
        ids = spy.ids[0][inside]
        changed = (ids != self.batch.input_ids[0][inside])[:, None].expand(-1, WIDTH).numpy()
        removed = getattr(mixer.options, "select", None) == "unk"  # a partner may have an [UNK] of its own
        foreign, nobody = changed & (not removed), changed & removed
        return Trace("tokens", foreign.astype(np.float32), w_b, ids.tolist(), nobody)


def _listen(mixer: Mixer) -> list[float]:
    """Collects the label weight of each step's first mixture, A with B; the mixer's log has the mean over the batch."""
    heard: list[float] = []
    note = mixer.note

    def listen(**values: float | Tensor) -> None:
        if "w_b" in values:
            heard.append(float(torch.as_tensor(values["w_b"]).detach().reshape(-1)[0]))
        note(**values)

    mixer.note = listen
    return heard


class _Spy(nn.Module):
    """Looks like a ``Classifier``; computes with the real one and records what is mixed."""

    def __init__(self, model: Classifier) -> None:
        super().__init__()
        object.__setattr__(self, "real", model)  # not a submodule: its parameters are not ours
        self.depth, self.width, self.share, self.ids, self.place = model.depth, model.width, None, None, ""

    def forward(self, batch: Batch, edit: Edit | None = None, keep: tuple[int, ...] = ()) -> Output:
        if edit is not None:
            self._record_edit(edit, batch)
        elif len(batch) != 2 or not torch.equal(batch.input_ids[0], getattr(self, "clean", batch.input_ids)[0]):
            self.ids = batch.input_ids[-2:]
        else:
            self.clean = batch.input_ids
        return self.real(batch, edit, keep)

    def encode(self, batch: Batch, edit: Edit | None = None, keep: tuple[int, ...] = ()):
        if edit is not None:
            self._record_edit(edit, batch)
        return self.real.encode(batch, edit, keep)

    def pool(self, states: Tensor) -> Tensor:
        return torch.arange(len(states)).float()[:, None].expand(-1, self.width)  # A is 0, B is 1

    def before_head(self, vector: Tensor) -> Tensor:
        return vector  # shares are shown without dropout

    def classify(self, vector: Tensor) -> Tensor:
        self.place, self.share = "sentence vector", vector[-2:, :WIDTH]
        return self.real.classify(vector)

    def _record_edit(self, edit: Edit, batch: Batch) -> None:
        owner = batch.index.float()  # A is row 0 of the two sentences, also where it is a partner
        states = owner[:, None, None].expand(*batch.input_ids.shape, self.width)
        self.share = edit.mix(states).detach()[-2:, :, :WIDTH]
        self.place = "embedding output h₀" if edit.level == 0 else f"layer {edit.level} of {self.depth}"


#: Options under which the first notebook shows a mixer, so that something is visible in two short sentences.
SHOWN = {
    **{name: {"pairing": "halves", "clean": True} for name in ("wordmix", "senmix", "tmix")},
    **{name: {"pairing": "halves"} for name in ("nonlinear", "mixup", "dropout+mixup")},
    # Beta(0.1, 0.1) nearly always replaces nothing or everything.
    **{n: {"pairing": "halves", "ratio_draw": "fixed", "ratio": 0.3} for n in REGISTRY if n.startswith("dropmix-")},
    **{name: {"ratio": 0.3} for name in ("ssmix", "ssmix-saliency", "ssmix-saliency-span", "unk")},
}


def origin_maps(two: TwoSentences, ratio: float, names: list[str] | None = None) -> plt.Figure:
    """One panel per mixer: rows are tokens of A, columns hidden units, shade is the partner's share of each unit.

    Units that come from neither sentence ([UNK]) have a colour of their own.
    """
    names = names or [n for n in REGISTRY if REGISTRY[n].cls is not Plain]
    words = two.words(0)
    across = 4
    down = -(-len(names) // across)
    figure, axes = plt.subplots(
        down, across, figsize=(11, (0.2 * len(words) + 1.1) * down + 0.3), squeeze=False, layout="constrained"
    )
    for axis, name in zip(axes.flat, names, strict=False):
        options = dict(SHOWN.get(name, {}))
        if "ratio" in options:
            options["ratio"] = ratio
        trace = two.trace(name, **options)
        axis.imshow(_pixels(trace), aspect="auto", interpolation="nearest")
        axis.set_title(
            f"{REGISTRY[name].title}\n{trace.place}, label share {trace.w_b:.2f}", fontsize=9, color="#222", loc="left"
        )
        axis.spines[:].set_visible(True)
        axis.spines[:].set_color(colour(name))
        axis.spines[:].set_linewidth(2)
        axis.grid(visible=False)
        axis.set_xticks([])
        rows = len(trace.share)
        labels = words if rows == len(words) else ["whole sentence"]
        axis.set_yticks(range(rows), labels, fontsize=7)
    for axis in axes.flat[len(names) :]:
        axis.set_visible(False)
    figure.suptitle(
        "Where every unit of the mixture of A with B comes from; columns are hidden units",
        x=0.01,
        ha="left",
        fontsize=11,
    )
    faces = {"A": "white", "half A, half B": SHARE_MAP(0.5), "B": SHARE_MAP(1.0), "nobody: [UNK]": TEXT_COLOURS["unk"]}
    handles = [Patch(facecolor=face, edgecolor="#888888", label=text) for text, face in faces.items()]
    figure.legend(handles=handles, loc="outside lower left", ncols=len(handles), title="unit from", alignment="left")
    return figure


def _pixels(trace: Trace) -> np.ndarray:
    """(rows, units, 4) colours of a trace."""
    out = SHARE_MAP(trace.share)
    if trace.nobody is not None:
        out[trace.nobody] = to_rgba(TEXT_COLOURS["unk"])
    return out


def token_edits(two: TwoSentences, ratio: float) -> plt.Figure:
    """Saliency of both sentences and what the token mixers make of A."""
    saliency = two.saliency()
    strips: list[tokens.Strip | None] = []
    for row, name in enumerate("AB"):
        shade = saliency[row][two.batch.text_id[row] >= 0].tolist()
        strips.append(tokens.Strip(f"sentence {name}", two.words(row), tokens.relative(shade)))
    strips.append(None)
    for name in ("ssmix", "ssmix-saliency", "ssmix-saliency-span", "unk"):
        trace = two.trace(name, ratio=ratio)
        origin = [
            "unk" if lost else "B" if share else "A"
            for lost, share in zip(trace.nobody[:, 0], trace.share[:, 0], strict=True)
        ]
        strips.append(
            tokens.Strip(
                REGISTRY[name].title,
                two.tokenizer.convert_ids_to_tokens(trace.ids),
                None,
                origin,
                None,
                f"label: {1 - trace.w_b:.2f} A + {trace.w_b:.2f} B",
            )
        )
    return tokens.draw(
        strips, "Darker = more salient. In the mixtures: blue from A, orange from B, black [UNK]", label_width=2.1
    )
