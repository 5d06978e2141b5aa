"""Tables and figures of the DropMix paper (ids as in FIGURES)."""

from __future__ import annotations

import matplotlib.pyplot as plt

from ..claims.dropmix import costs
from ..papers import dropmix
from ..papers.base import Plan
from ..runs.records import Records
from ..show import plots
from ..show.artifacts import Artifact
from ..show.style import colour
from ..show.tables import over_steps
from .dropmix_figures import figure_3a, figure_3b, figure_3c, literal, patches, table_5
from .dropmix_sparse import margin_curve, sparse_curves, sparse_table
from .dropmix_tables import (
    BASELINE,
    METHODS,
    results,
    table_2,
    table_3,
    table_3_holdout,
    table_4,
    table_control,
    table_cost,
    table_mask,
    table_shares,
)
from .dropmix_verdicts import claims, illustrations, pooled_gains, table_gains, units_rc1, verdicts


def gains(plan: Plan, store: Records) -> plt.Figure | None:
    methods = {row: METHODS[row] for row in dropmix.ROWS if row != "Bert"}
    return plots.forest(
        results(plan, store),
        methods,
        "DropMix paper: gain over Bert, which has no dropout",
        "percentage points: ours over Bert at equal epochs, published over Bert",
    )


def cost(plan: Plan, store: Records) -> plt.Figure | None:
    return plots.step_times(costs(plan, store), "DropMix-C")


def learning_curves(plan: Plan, store: Records) -> plt.Figure | None:
    """Accuracy over steps, first column."""
    column, series = plan.columns[0], {}
    for table, row in [("3", r) for r in dropmix.ROWS if r != "Bert"] + [BASELINE]:
        records = plan.cell(table, row, column.key).records(store)
        steps, values = over_steps(records, lambda p: 100 * p["metrics"][column.report]["accuracy"])
        if steps:
            series[row] = (colour(METHODS.get(row, "no-dropout")), steps, values)
    if not set(series) - {BASELINE[1]}:
        return None
    return plots.panels(
        series,
        BASELINE[1],
        "step",
        f"accuracy on {column.report}, %",
        f"{column.title}, mean ± standard deviation over seeds",
    )


ARTIFACTS = (
    Artifact(
        "table_2",
        "Table 2: data sets",
        "Sizes as printed, and of the data found here. The printed training sizes of SST-1 and TREC are totals that contain the test data (SPEC RA20); mean length: ours is of the rows trained on, in word pieces, special tokens included.",
        table_2,
        "dropmix",
    ),
    Artifact(
        "table_3",
        "Table 3: accuracy",
        "Baselines and the four variants, each run read at its best epoch on the reported part.",
        table_3,
        "dropmix",
    ),
    Artifact(
        "gains",
        "Gains over Bert",
        "Filled points: ours, against Bert at equal epochs, with 95 % t intervals over seeds. Open diamonds: the printed gain over Bert.",
        gains,
        "dropmix",
    ),
    Artifact(
        "table_gains",
        "Gains on average over data sets",
        "Over Bert with three epochs, as printed, and over Bert with as many epochs as the row (SPEC X9); the best of several is chosen on the hold-out.",
        table_gains,
        "dropmix",
    ),
    Artifact(
        "pooled_gains",
        "Gains on average over data sets, drawn",
        "Mean over data sets with its 95 % interval; open diamonds: the printed gain over Bert.",
        pooled_gains,
        "dropmix",
    ),
    Artifact(
        "table_3_holdout",
        "Table 3, selected on a hold-out",
        "The same runs, but the epoch is chosen on a part that is not reported (SPEC RA22, X8).",
        table_3_holdout,
        "dropmix",
    ),
    Artifact(
        "table_control",
        "Bert at equal epochs",
        "Regularised rows train for more epochs than Bert; this row takes that advantage away (SPEC RA12, X9).",
        table_control,
        "dropmix",
    ),
    Artifact(
        "table_4",
        "Table 4: other encoders",
        "BERT-large and RoBERTa in the profile full; elsewhere an encoder that nobody pretrained, which has no part in the verdict of RC6.",
        table_4,
        "dropmix",
    ),
    Artifact(
        "table_shares",
        "What is mixed",
        "Share of units from B where A or B has a token, the part of it at which B has only padding (SPEC RA5), and examples that are left unmixed or are all B (RA17). With Beta(0.1, 0.1) four of five draws of λ are below 0.1 or above 0.9.",
        table_shares,
        "dropmix",
    ),
    Artifact(
        "table_cost",
        "Cost of a step",
        "The benchmark takes turns on the same batches; the other lines are medians over runs, on a machine that may have done other things.",
        table_cost,
        "dropmix",
    ),
    Artifact(
        "cost",
        "Time per step relative to DropMix-C",
        "From the benchmark where there is one, else medians over runs on the first data set.",
        cost,
        "dropmix",
    ),
    Artifact(
        "learning_curves",
        "Learning curves",
        "Mean and standard deviation over seeds, first data set.",
        learning_curves,
        "dropmix",
    ),
    Artifact(
        "table_mask",
        "Which part is dropped, and what N counts",
        "DropMix-C as we read it, with the mask of section 4.1 taken literally, and with random channels (SPEC RA1); W and G with 128 positions counted in every text (RA5).",
        table_mask,
        "dropmix",
    ),
    Artifact(
        "claims",
        "Claims RC1 to RC12",
        "Each claim with the paper's own tables and our verdict under both readings (SPEC 9); a claim's units are there to unfold.",
        claims,
        "dropmix",
    ),
    Artifact(
        "verdicts",
        "Verdicts",
        "Each claim's effect on average over its data sets, with the interval that decides, and the reported effect where there is one; selected on a hold-out.",
        verdicts,
        "dropmix",
    ),
    Artifact(
        "units_rc1",
        "RC1 data set by data set",
        "Mean and 95 % t interval over seeds, and below over data sets; open diamonds are printed differences. Both sides are chosen on the hold-out.",
        units_rc1,
        "dropmix",
    ),
    Artifact(
        "figure_2",
        "Figure 2: accuracy over the share of training data",
        "Mean and one standard deviation over seeds; 100 % is the setting's number of training rows. Subsets are stratified, nested and drawn with the run's seed (SPEC RA27).",
        sparse_curves,
        "dropmix_sparse",
    ),
    Artifact(
        "figure_2_margin",
        "DropMix-C's margin over the best other method",
        "Mean and one standard deviation over seeds; the best other method is chosen at each share on the part that selects (RC7).",
        margin_curve,
        "dropmix_sparse",
    ),
    Artifact(
        "table_sparse",
        "Figure 2 in numbers",
        "Accuracy by share of the training rows, as printed and selected on a hold-out.",
        sparse_table,
        "dropmix_sparse",
    ),
    Artifact(
        "claims_sparse",
        "Claim RC7",
        "The slope of the margin over all shares, per data set and seed, in points per halving of the training rows.",
        lambda plan, store: claims(plan, store, ("RC7",)),
        "dropmix_sparse",
    ),
    Artifact(
        "figure_3a",
        "Figure 3a: saliency and masks",
        "Rows are tokens, columns channels in their own order. First panel: saliency on a scale of its own; the others: units that are dropped.",
        figure_3a,
        "dropmix_saliency",
    ),
    Artifact(
        "patches",
        "The patch and what replaces it",
        "Share of each position's units that come from B, and the token of B at that position.",
        patches,
        "dropmix_saliency",
    ),
    Artifact(
        "literal",
        "The literal mask against ours",
        "Section 4.1 literally keeps the salient windows and replaces all else; its budget, Figure 3's caption and section 4 drop them (SPEC RA1).",
        literal,
        "dropmix_saliency",
    ),
    Artifact(
        "claims_saliency",
        "Claim RC10",
        "One sentence and one model illustrate a claim; they do not test it.",
        lambda plan, store: illustrations(plan, store, ("RC10",)),
        "dropmix_saliency",
    ),
    Artifact(
        "figure_3b",
        "Figure 3b: channel importance",
        "How often a channel is selected for the training samples of a class, over their number; channels in their own order.",
        figure_3b,
        "dropmix_channels",
    ),
    Artifact(
        "figure_3c",
        "Figure 3c: difference of channel importance, sorted",
        "Grey: where 95 % of the sorted differences lie, rank by rank, if labels are permuted. Dashed: the largest absolute difference of 95 % of the permutations.",
        figure_3c,
        "dropmix_channels",
    ),
    Artifact(
        "table_5",
        "Table 5: contributed words",
        "Coloured by association with a class in the whole training part (z of the log odds ratio beyond ±1.96), not by eye; the number is how often the word contributed most.",
        table_5,
        "dropmix_channels",
    ),
    Artifact(
        "claims_channels",
        "Claims RC8 and RC9",
        "One trained model illustrates a claim; it does not test it. The null says what permuted labels, or other channels, give in that model.",
        lambda plan, store: illustrations(plan, store, ("RC8", "RC9")),
        "dropmix_channels",
    ),
)
