"""Data sets of no paper, for the comparison of all methods (SPEC 10); entries of the catalogue like the others."""

from __future__ import annotations

from .taskspec import Hub, TaskSpec

COMPARISON = (
    TaskSpec(
        "qnli-dev",
        "QNLI, development part",
        {"train": ("qnli/validation",)},
        {"train": 5463},
        (),
        Hub("nyu-mll/glue", {"train": ("validation",)}, ("question", "sentence"), config="qnli"),
        pair=True,
        policy="tenths",
        stand_in="docs-pair",
        citation="Rajpurkar et al., SQuAD, EMNLP 2016, recast in GLUE, Wang et al. 2018",
        licence="GLUE: other",
        note="for the comparison of all methods (SPEC 10): its 5,463 rows are cut into train, validation and test",
    ),
    TaskSpec(
        "ag-news",
        "AG News, test part",
        {"train": ("ag-news/train",)},
        {"train": 7600},
        (),
        Hub(
            "fancyzhx/ag_news",
            {"train": ("test",)},
        ),
        classes=4,
        policy="tenths",
        citation="Zhang, Zhao and LeCun, Character-level Convolutional Networks for Text Classification, NIPS 2015",
        licence="research and other non-commercial use",
        note="for the comparison of all methods (SPEC 10): the 7,600 rows of the source's test part are cut",
    ),
    TaskSpec(
        "tweeteval-emotion",
        "TweetEval emotion",
        {p: (f"tweeteval-emotion/{p}",) for p in ("train", "validation", "test")},
        {"train": 3257, "validation": 374, "test": 1421},
        (),
        Hub(
            "cardiffnlp/tweet_eval",
            {"train": ("train",), "validation": ("validation",), "test": ("test",)},
            config="emotion",
        ),
        classes=4,
        citation="Mohammad et al., SemEval-2018 Task 1, in Barbieri et al., TweetEval, Findings of EMNLP 2020",
        note="for the comparison of all methods (SPEC 10)",
    ),
)
