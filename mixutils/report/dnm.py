"""Tables and figures of the DNM paper (ids as in FIGURES): claims, forests, and the list of all artifacts."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd

from ..claims import verdicts as decided
from ..papers import dnm
from ..papers.base import Plan
from ..runs.records import Records
from ..show import plots
from ..show.artifacts import Artifact, Table
from ..show.claims import two_readings
from ..show.tables import result_table
from .dnm_figures import figure_2, size_curves, size_gains, topk
from .dnm_maps import figure_3, figure_4
from .dnm_policy import policy_labels, policy_movement
from .dnm_tables import (
    close_up,
    close_up_table,
    main_table,
    results,
    rows_note,
    table_1,
    table_control,
    table_long,
    table_policy,
    table_share,
    table_silhouette,
    table_space,
)

#: The readings of the claims (SPEC NA14).
READINGS = ("best validation step", "last step")


def _claims(*keys: str):
    """Claims with these keys, or all, under both readings."""

    def make(plan: Plan, store: Records) -> Table:
        return Table(*two_readings(decided(plan, store), decided(plan, store, policy="last"), READINGS, keys))

    return make


def verdicts(plan: Plan, store: Records) -> plt.Figure | None:
    return plots.verdicts(decided(plan, store), f"DNM: claims, at the {READINGS[0]}")


def gains(plan: Plan, store: Records) -> plt.Figure | None:
    """Gains over BERT with the smallest and the largest training part."""
    frames = [f for t in (*dnm.MAIN.values(), dnm.OWN_TABLE) if (f := results(plan, store, t)) is not None]
    titles = {c.key: c.title for c in plan.columns}
    frame = pd.concat(frames, ignore_index=True)
    ends = {
        dnm.size_key(c.key, n)
        for c in dnm.data_columns(plan)
        for n in (dnm.sizes(plan.setting)[0], dnm.sizes(plan.setting)[-1])
    }
    frame = frame[frame["column"].isin(ends)].assign(title=frame["column"].map(lambda k: titles.get(k, k)))
    methods = {row: method for row, (method, encoder) in dnm.ROWS.items() if not encoder and row != "BERT"}
    return plots.forest(frame, methods, "DNM paper: gain over BERT", "gain over BERT, percentage points")


def _against_ours(kind: str, methods: dict[str, str], title: str):
    def make(plan: Plan, store: Records) -> plt.Figure | None:
        frames = []
        for table in dnm.TABLES[kind]:
            frame = close_up(plan, store, table)
            if frame is not None:
                size = rows_note(plan, table).removeprefix(" Training rows: ").rstrip(".")
                frames.append(frame.assign(title=frame["title"] + f", {size}"))
        if kind == "ablations" and plan.table(dnm.CONTROLS):
            extra = result_table(plan, dnm.CONTROLS, store, baseline=("10", dnm.OURS))
            size = rows_note(plan, "10").removeprefix(" Training rows: ").rstrip(".")
            frames.append(extra.assign(title=extra["title"] + f", {size}"))
        frame = pd.concat(frames, ignore_index=True)
        shown = {row: method for row, method in methods.items() if row in set(frame["row"])}
        return plots.forest(frame, shown, title, "difference from the whole method, percentage points")

    return make


weights = _against_ours(
    "weights",
    dict.fromkeys(list(dnm.WEIGHT_ROWS)[1:], "dnm"),
    "Fixed weights against TIW+TOW",
)
ablations = _against_ours(
    "ablations",
    {row: method for row, method in dnm.ABLATION_ROWS.items() if row != dnm.OURS}
    | {row: method for row, (method, _) in dnm.CONTROL_ROWS.items()},
    "Ablations and controls against Ours",
)

ARTIFACTS = (
    Artifact(
        "table_1",
        "Table 1: data sets",
        "Sizes as printed, and of the data found here; lengths are words in print and word pieces here.",
        table_1,
        "dnm",
    ),
    *(
        Artifact(f"table_{t}", f"Table {t}: {title}", "Eight methods over training sizes.", main_table(t), "dnm")
        for t, title in (("2", "Subj"), ("3", "MR"), ("4", "SST-2"), ("5", "SST-1"))
    ),
    Artifact(
        "table_own",
        "Tables 2 to 5 on other tasks",
        "The same eight methods on tasks that the paper does not know.",
        main_table(dnm.OWN_TABLE),
        "dnm",
    ),
    Artifact(
        "size_curves",
        "Accuracy over training size",
        "Tables 2 to 5 as curves, with one standard error over seeds; the CNN rows are dashed.",
        size_curves,
        "dnm",
    ),
    Artifact(
        "size_gains",
        "Gain over training size",
        "Ours minus BERT and minus BERT+NonlinearMixup, with one standard error of the paired difference; published gains as open diamonds.",
        size_gains,
        "dnm",
    ),
    Artifact("gains", "Gains over BERT", "The smallest and the largest training part.", gains, "dnm"),
    Artifact(
        "figure_2",
        "Figure 2: loss and accuracy over steps",
        "Largest training part, mean with one standard deviation over seeds. The losses of methods with trained targets do not compare (SPEC NA29).",
        figure_2,
        "dnm",
    ),
    Artifact(
        "table_long",
        "More updates",
        "Three methods with the updates of Tables 2 to 5 and with four times as many.",
        table_long,
        "dnm",
    ),
    Artifact(
        "claims",
        "Claims NC1 to NC13",
        "Each claim with the paper's own tables and our verdict under both readings.",
        _claims(),
        "dnm",
    ),
    Artifact(
        "verdicts",
        "Verdicts",
        "Each claim's pooled effect with the 95 % interval that decides; reported effects as open diamonds.",
        verdicts,
        "dnm",
    ),
    *(
        Artifact(
            f"table_{t}",
            f"Table {t}: number of partners",
            f"K with {size} training data.",
            close_up_table(t),
            "dnm_topk",
        )
        for t, size in (("6", "little"), ("7", "all"))
    ),
    Artifact(
        "table_share",
        "What is selected",
        "Partners of an anchor among the others of its batch.",
        table_share,
        "dnm_topk",
    ),
    Artifact(
        "topk",
        "Accuracy over K",
        "Mean with one standard error over seeds; published numbers as open diamonds. Right: the share of the batch that is selected.",
        topk,
        "dnm_topk",
    ),
    Artifact(
        "claims_topk",
        "Claim NC7",
        "Whether the best number of partners lies inside the range.",
        _claims("NC7"),
        "dnm_topk",
    ),
    *(
        Artifact(
            f"table_{t}",
            f"Table {t}: tuned and fixed weights",
            f"Input and output weights with {size} training data.",
            close_up_table(t),
            "dnm_ablations",
        )
        for t, size in (("8", "little"), ("9", "all"))
    ),
    Artifact("weights", "Tuned against fixed weights", "Each variant minus TIW+TOW.", weights, "dnm_ablations"),
    *(
        Artifact(
            f"table_{t}",
            f"Table {t}: ablations",
            f"One part left out, with {size} training data.",
            close_up_table(t),
            "dnm_ablations",
        )
        for t, size in (("10", "little"), ("11", "all"))
    ),
    Artifact(
        "table_control",
        "Controls",
        "What w/o DSS and w/o DNM change beside what they are named after.",
        table_control,
        "dnm_ablations",
    ),
    Artifact("ablations", "Ablations and controls", "Each variant minus Ours.", ablations, "dnm_ablations"),
    Artifact(
        "claims_ablations",
        "Claims NC8 to NC11",
        "The paper's own tables and our verdicts under both readings.",
        _claims("NC8", "NC9", "NC10", "NC11"),
        "dnm_ablations",
    ),
    Artifact(
        "table_policy", "Movement of the policy", "At the last step, mean over seeds.", table_policy, "dnm_policy"
    ),
    Artifact(
        "policy_movement",
        "Movement over steps",
        "Mean absolute change since the start, over seeds; dotted: steps × learning rate.",
        policy_movement,
        "dnm_policy",
    ),
    Artifact(
        "policy_labels",
        "Label embeddings, loss and accuracy",
        "Do the label embeddings drift together (SPEC NA3), and does a lower loss mean a higher accuracy (SPEC X11)?",
        policy_labels,
        "dnm_policy",
    ),
    Artifact(
        "figure_3",
        "Figure 3: where mixtures lie",
        "The same points by t-SNE and by PCA, fixed seed, one trained model.",
        figure_3,
        "dnm_tsne",
    ),
    Artifact(
        "table_space",
        "Figure 3, measured",
        "Distances of mixtures to originals, class means and centre.",
        table_space,
        "dnm_tsne",
    ),
    Artifact(
        "figure_4",
        "Figure 4: test features by class",
        "[CLS] states of the last layer by t-SNE and by PCA, fixed seed, first seed of each method.",
        figure_4,
        "dnm_tsne",
    ),
    Artifact(
        "table_silhouette",
        "Figure 4, measured",
        "Silhouette of the test features, mean over seeds.",
        table_silhouette,
        "dnm_tsne",
    ),
    Artifact(
        "claims_tsne",
        "Claims NC12 and NC13",
        "Measured on trained models: illustrations, not verdicts.",
        _claims("NC12", "NC13"),
        "dnm_tsne",
    ),
)
