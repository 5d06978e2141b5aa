"""The pages of ``docs`` on the site, and links from every code that a page cites to its entry there."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform

from .. import paths
from .readings import CODE, anchor, target

#: The pages, in the order of the site's contents.
DOCS = ("results", "verdicts", "readings", "deviations", "use", "class", "architecture")
#: Text in these is shown as it is.
AS_IT_IS = (nodes.reference, nodes.literal, nodes.literal_block, nodes.title, nodes.raw, nodes.math, nodes.math_block)


def copy(source: Path, site: Path, notebooks: list[str]) -> list[str]:
    """Put the pages into ``source``; their names. Links to files of the checkout are made to lead there from ``site``, and
    those to ``notebooks`` to their pages."""
    figures = os.path.relpath(paths.ROOT / "figures", site)
    for name in DOCS:
        text = (paths.ROOT / "docs" / f"{name}.md").read_text("utf-8")
        text = re.sub(r"(!?)\[([^\]]*)\]\(\.\./(?:figures/)?([^)]*)\)", lambda m: _there(m, figures, notebooks), text)
        (source / f"{name}.md").write_text(text, "utf-8")
    return list(DOCS)


def _there(link: re.Match, figures: str, notebooks: list[str]) -> str:
    image, text, path = link.groups()
    if Path(path).suffix == ".ipynb" and Path(path).stem in notebooks:
        return f"[{text}]({Path(path).name})"
    # As HTML: MyST would look for the file among the pages.
    return f'<img alt="{text}" src="{figures}/{path}">' if image else f'<a href="{figures}/{path}">{text}</a>'


class Codes(SphinxPostTransform):
    """Codes in a page's text become links."""

    default_priority = 900

    def run(self, **_: Any) -> None:
        here = self.env.docname
        for text in list(self.document.findall(nodes.Text)):
            if CODE.search(text) and not any(isinstance(above, AS_IT_IS) for above in _above(text)):
                text.parent.replace(text, list(self._linked(str(text), here)))

    def _linked(self, text: str, here: str) -> list[nodes.Node]:
        out, at = [], 0
        for found in CODE.finditer(text):
            page = target(found[0]).partition(".")[0]
            place = f"{self.app.builder.get_relative_uri(here, page)}#{anchor(found[0])}"
            out += [nodes.Text(text[at : found.start()]), nodes.reference("", found[0], internal=True, refuri=place)]
            at = found.end()
        return [*out, nodes.Text(text[at:])]


def _above(node: nodes.Node) -> list[nodes.Node]:
    out = []
    while (node := node.parent) is not None:
        out.append(node)
    return out
