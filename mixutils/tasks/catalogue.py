"""Every data set of the five papers and of the comparison: where it comes from, how it is split, how large it must be, whose it is.

``parts`` and ``Hub.parts`` map our part names to the source's parts; several parts are joined in the given order.
Our names say their role: "train", "validation", "test", or "validation_mm" where there are several.
"""

from __future__ import annotations

from .comparison import COMPARISON
from .data import DataError
from .taskspec import Hub, TaskSpec

_GLUE = "nyu-mll/glue"
_TREC = {"path": "CogComp/trec", "revision": "refs/convert/parquet", "parts": {"train": ("train",), "test": ("test",)}}
_NEG_POS = {0: "negative", 1: "positive"}
_SST = "Socher et al., Recursive Deep Models for Semantic Compositionality over a Sentiment Treebank, EMNLP 2013"
_LI_ROTH = "Li and Roth, Learning Question Classifiers, COLING 2002"
_ANLI = "Nie et al., Adversarial NLI, ACL 2020"
_TV = {"train": ("train",), "validation": ("validation",)}


def _own(folder: str, *parts: str) -> dict[str, tuple[str, ...]]:
    return {p: (f"{folder}/{p}",) for p in parts}


_ENTRIES = [
    TaskSpec(
        "sst2-glue",
        "SST-2, phrases (GLUE)",
        {"train": ("sst2-phrases/train",), "validation": ("sst2/validation",)},
        {"train": 67349, "validation": 872},
        ("ssmix", "dropmix"),
        Hub(_GLUE, _TV, ("sentence",), config="sst2"),
        citation=_SST,
        licence="GLUE: other",
    ),
    TaskSpec(
        "sst2-10k",
        "SST-2, 10,000 phrases",
        {"train": ("sst2-phrases/train",), "validation": ("sst2/validation",), "test": ("sst2/test",)},
        {"train": 67349, "validation": 872, "test": 1821},
        ("dmix",),
        citation=_SST,
        metric="f1",
        note="a run takes 10,000 stratified rows of train (SPEC DA24); the hub hides GLUE's test labels, so folder only",
    ),
    TaskSpec(
        "sst2-sent",
        "SST-2, whole sentences",
        _own("sst2", "train", "validation", "test"),
        {"train": 6920, "validation": 872, "test": 1821},
        ("dnm",),
        Hub("SetFit/sst2", {"train": ("train",), "validation": ("validation",), "test": ("test",)}, names=_NEG_POS),
        citation=_SST,
    ),
    TaskSpec(
        "sst1-sent",
        "SST-1, whole sentences",
        _own("sst1", "train", "validation", "test"),
        {"train": 8544, "validation": 1101, "test": 2210},
        ("dnm", "dropmix"),
        Hub(
            "SetFit/sst5",
            {"train": ("train",), "validation": ("validation",), "test": ("test",)},
            names={0: "very negative", 1: "negative", 2: "neutral", 3: "positive", 4: "very positive"},
        ),
        classes=5,
        citation=_SST,
    ),
    TaskSpec(
        "qqp",
        "Quora Question Pairs",
        _own("qqp", "train", "validation"),
        {"train": 363846, "validation": 40430},
        ("ssmix", "dropmix"),
        Hub(_GLUE, _TV, ("question1", "question2"), config="qqp"),
        pair=True,
        stand_in="docs-pair",
        citation="Iyer et al., First Quora Dataset Release: Question Pairs, 2017",
        licence="GLUE: other",
    ),
    TaskSpec(
        "mnli",
        "MultiNLI",
        _own("mnli", "train", "validation_m", "validation_mm"),
        {"train": 392702, "validation_m": 9815, "validation_mm": 9832},
        ("ssmix", "dropmix"),
        Hub(
            _GLUE,
            {"train": ("train",), "validation_m": ("validation_matched",), "validation_mm": ("validation_mismatched",)},
            ("premise", "hypothesis"),
            config="mnli",
        ),
        pair=True,
        classes=3,
        stand_in="docs-pair",
        citation="Williams et al., A Broad-Coverage Challenge Corpus, NAACL 2018",
        licence="GLUE: other",
        policy="official",
        note="SSMix reports mismatched, DropMix matched (SPEC SA20, RA23)",
    ),
    TaskSpec(
        "qnli",
        "Question NLI",
        _own("qnli", "train", "validation"),
        {"train": 104743, "validation": 5463},
        ("ssmix", "dropmix"),
        Hub(_GLUE, _TV, ("question", "sentence"), config="qnli"),
        pair=True,
        stand_in="docs-pair",
        citation="Rajpurkar et al., SQuAD, EMNLP 2016, recast in GLUE, Wang et al. 2018",
        licence="GLUE: other",
    ),
    TaskSpec(
        "rte",
        "Recognizing Textual Entailment",
        _own("rte", "train", "validation"),
        {"train": 2490, "validation": 277},
        ("ssmix", "dropmix"),
        Hub(_GLUE, _TV, ("sentence1", "sentence2"), config="rte"),
        pair=True,
        stand_in="docs-pair",
        citation="Dagan et al. 2006, Bar-Haim et al. 2006, Giampiccolo et al. 2007, Bentivogli et al. 2009",
        licence="GLUE: other",
    ),
    TaskSpec(
        "mrpc",
        "MRPC (GLUE split)",
        _own("mrpc", "train", "validation"),
        {"train": 3668, "validation": 408},
        ("ssmix", "dropmix"),
        Hub(_GLUE, _TV, ("sentence1", "sentence2"), config="mrpc"),
        pair=True,
        stand_in="docs-pair",
        citation="Dolan and Brockett, Automatically Constructing a Corpus of Sentential Paraphrases, IWP 2005",
        licence="Microsoft Research Shared Source licence, non-commercial",
    ),
    TaskSpec(
        "mrpc-original",
        "MRPC (original split)",
        {"train": ("mrpc/train", "mrpc/validation"), "test": ("mrpc/test",)},
        {"train": 4076, "test": 1725},
        ("dropmix",),
        Hub(_GLUE, {"train": ("train", "validation"), "test": ("test",)}, ("sentence1", "sentence2"), config="mrpc"),
        pair=True,
        stand_in="docs-pair",
        licence="Microsoft Research Shared Source licence, non-commercial",
        citation="Dolan and Brockett, IWP 2005",
        note="the sizes that DropMix prints (SPEC RA21)",
    ),
    TaskSpec(
        "trec-coarse",
        "TREC questions, coarse",
        _own("trec-coarse", "train", "test"),
        {"train": 5452, "test": 500},
        ("ssmix", "dmix", "dropmix"),
        Hub(**_TREC, label="coarse_label"),
        classes=6,
        citation=_LI_ROTH,
        policy="holdout",
    ),
    TaskSpec(
        "trec-fine",
        "TREC questions, fine (47)",
        _own("trec-fine", "train", "test"),
        {"train": 5452, "test": 500},
        ("ssmix", "dmix"),
        Hub(**_TREC, label="fine_label"),
        classes=47,
        citation=_LI_ROTH,
        policy="holdout",
        rule="drop_coarse",
        stand_in="docs-fine",
    ),
    TaskSpec(
        "trec-fine-50",
        "TREC questions, fine (50)",
        _own("trec-fine", "train", "test"),
        {"train": 5452, "test": 500},
        (),
        Hub(**_TREC, label="fine_label"),
        classes=50,
        citation=_LI_ROTH,
        policy="holdout",
        stand_in="docs-fine",
    ),
    TaskSpec(
        "anli",
        "Adversarial NLI, rounds 1 to 3",
        {
            "train": ("anli-r1/train", "anli-r2/train", "anli-r3/train"),
            **{f"validation_r{r}": (f"anli-r{r}/validation",) for r in (1, 2, 3)},
            **{f"test_r{r}": (f"anli-r{r}/test",) for r in (1, 2, 3)},
        },
        {
            "train": 162865,
            "validation_r1": 1000,
            "validation_r2": 1000,
            "validation_r3": 1200,
            "test_r1": 1000,
            "test_r2": 1000,
            "test_r3": 1200,
        },
        ("ssmix",),
        Hub(
            "facebook/anli",
            {
                "train": ("train_r1", "train_r2", "train_r3"),
                **{f"validation_r{r}": (f"dev_r{r}",) for r in (1, 2, 3)},
                **{f"test_r{r}": (f"test_r{r}",) for r in (1, 2, 3)},
            },
            ("premise", "hypothesis"),
            config="plain_text",
        ),
        pair=True,
        classes=3,
        stand_in="docs-pair",
        citation=_ANLI,
        licence="CC BY-NC 4.0",
        policy="official",
    ),
    TaskSpec(
        "cola",
        "CoLA",
        _own("cola", "train", "validation"),
        {"train": 8551, "validation": 1043},
        ("dmix",),
        Hub(_GLUE, _TV, ("sentence",), config="cola"),
        metric="f1",
        policy="holdout",
        citation="Warstadt, Singh and Bowman, Neural Network Acceptability Judgments, 2018",
        licence="excerpts of published works, see the source",
        note="official test labels are hidden (SPEC 2(b))",
    ),
    TaskSpec(
        "trac",
        "TRAC-2 2020, English",
        {"train": ("trac-2020-english/train",), "test": ("trac-2020-english/validation",)},
        {"train": 4263, "test": 1066},
        ("dmix",),
        classes=3,
        metric="f1",
        policy="holdout",
        citation="Bhattacharya et al., TRAC-2 workshop 2020",
        licence="CC BY-NC-SA 4.0",
        note="5,329 = train and development parts; the development part reports (SPEC 2(b))",
    ),
    TaskSpec(
        "ahs",
        "Arabic hate speech",
        _own("ahs", "train", "validation", "test"),
        {},
        ("dmix", "dmix_short"),
        language="Arabic",
        metric="f1",
        citation="Albadi et al., ASONAM 2018",
        note="published as tweet ids without texts; from a user's folder",
    ),
    TaskSpec(
        "ttc",
        "TTC-3600 news",
        _own("ttc-3600", "train"),
        {"train": 3600},
        ("dmix", "dmix_short"),
        language="Turkish",
        classes=6,
        metric="f1",
        policy="tenths",
        citation="Kılınç et al., TTC-3600, Journal of Information Science 2017",
    ),
    TaskSpec(
        "hasoc",
        "HASOC 2019, Hindi",
        _own("hasoc-2019-hindi", "train", "test"),
        {"train": 4665, "test": 1318},
        ("dmix",),
        language="Hindi",
        metric="f1",
        policy="holdout",
        citation="Mandl et al., Overview of the HASOC Track at FIRE 2019",
    ),
    TaskSpec(
        "essc",
        "SMS Spam Collection",
        _own("sms-spam", "train"),
        {"train": 5574},
        ("dmix_short",),
        Hub("ucirvine/sms_spam", {"train": ("train",)}, ("sms",), config="plain_text"),
        metric="f1",
        policy="tenths",
        citation="Almeida, Gómez Hidalgo and Yamakami, DocEng 2011",
        licence="free, with reference to the paper",
    ),
    TaskSpec(
        "ghc",
        "Gujarati headlines",
        _own("ghc", "train", "validation", "test"),
        {},
        ("dmix_short",),
        language="Gujarati",
        classes=3,
        metric="f1",
        citation="Gujarati headline set named by the paper",
        note="no public copy of the 1,632 rows is known; from a user's folder",
    ),
    TaskSpec(
        "subj",
        "Subj",
        _own("subj", "train"),
        {"train": 10000},
        ("dnm", "dropmix"),
        Hub("SetFit/subj", {"train": ("train", "test")}, names={0: "objective", 1: "subjective"}),
        policy="tenths",
        citation="Pang and Lee, A Sentimental Education, ACL 2004",
    ),
    TaskSpec(
        "mr",
        "MR",
        _own("mr", "train"),
        {"train": 10662},
        ("dnm", "dropmix"),
        Hub(
            "cornell-movie-review-data/rotten_tomatoes",
            {"train": ("train", "validation", "test")},
            names={0: "negative", 1: "positive"},
        ),
        policy="tenths",
        citation="Pang and Lee, Seeing Stars, ACL 2005",
    ),
    TaskSpec(
        "cr",
        "Customer reviews",
        _own("cr", "train"),
        {"train": 3775},
        ("dropmix",),
        Hub("mattymchen/cr", {"train": ("test",)}, names=_NEG_POS),
        policy="tenths",
        citation="Hu and Liu, Mining and Summarizing Customer Reviews, KDD 2004",
    ),
    TaskSpec(
        "mpqa",
        "MPQA",
        _own("mpqa", "train"),
        {"train": 10606},
        ("dropmix",),
        Hub("jxm/mpqa", {"train": ("train", "test")}, ("sentence",), names=_NEG_POS),
        policy="tenths",
        citation="Wiebe, Wilson and Cardie, LRE 2005",
        note="the hub's copy lacks the three empty texts (10,603 rows)",
    ),
    *COMPARISON,
]

BUILTIN = {
    "docs-coarse": "which of six packages a sentence of documentation comes from",
    "docs-fine": "which of about fifty modules of them it comes from",
    "docs-pair": "whether two sentences come from one docstring",
}

CATALOGUE: dict[str, TaskSpec] = {t.id: t for t in _ENTRIES}


def spec(task: str) -> TaskSpec | None:
    """The catalogue's entry, or None for a user's own data set."""
    return CATALOGUE.get(task)


def unknown(task: str, here: list[str]) -> DataError:
    """The error for a name that nothing answers to; ``here`` are the names in the user's folder."""
    own = f"; in the data folder: {', '.join(here)}" if here else ""
    return DataError(
        f"no data set is called {task!r}; catalogue: {', '.join(CATALOGUE)}; built-in: {', '.join(BUILTIN)}{own}. "
        "Your own data is a folder NAME with train.jsonl|csv|tsv|parquet in the folder given by --data or MIXUTILS_DATA"
    )
