"""A sentence of the reader's own through the model behind DropMix's Figure 3."""

from __future__ import annotations

from ..companion import Companion
from ..probes.dropmix_masks import RATIO, N, measure, partner_of
from ..runs import checkpoints
from ..runs.execute import build_model, execute, prepare_data, tokenizer


def own_example(c: Companion, text: str, partner: str = "", label: str = "") -> dict | None:
    """What the probe measures on the paper's sentence, for another one.

    The model's weights are not part of a record. Where they are not at hand the run is repeated for them, which gives the
    same weights, once; with ``train`` false that is not done.

    Args:
        text: A, a single text. partner: B; "" takes a training text about as long. label: of A; "" takes the predicted one.

    Returns:
        As ``probes.dropmix_masks.measure``, or None where the weights are missing and may not be made.

    Raises:
        ValueError: an empty text, or an unknown label.
    """
    if not text.strip():
        raise ValueError("the sentence needs at least one word")
    # Without its probes the run is the same training under another name, and is done sooner.
    run = c.plan.extra[0].with_(probes=(), probe_policy="")
    policy = c.plan.extra[0].probe_policy
    use_hub = c.plan.setting.use_hub
    if not checkpoints.checkpoint_path(run.hash, policy).is_file():
        if not c.train:
            print("the weights of the model are not at hand; with train = True the run is repeated for them")
            return None
        print(f"{run.title()} is repeated for its weights")
        execute(run, device=c.device, use_hub=use_hub, keep=[policy])
    data, _ = prepare_data(run, use_hub)
    words = tokenizer(run.encoder)
    model = build_model(run.with_(start=run, start_policy=policy), data.classes, _cpu())
    example = measure(model.eval(), data, words, run.max_length, text, partner or partner_of(text, data), label)
    return example | {"task": run.task, "ratio": RATIO, "n": N}


def _cpu():
    from ..runs.environment import pick_device

    return pick_device("cpu")
