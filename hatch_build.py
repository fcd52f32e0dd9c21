"""What package indexes show as the README: links lead to the project's home, and are plain text where none is known.

An index shows no files of a project, so `[a page](docs/tour.md)` would lead nowhere there. Where the repository is, as
GitHub and GitLab lay it out, says `HOME_PAGE=https://... make dist`.
"""

import os
import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

LINK = re.compile(r"(!?)\[([^\]]*)\]\((?!\w+:)([^)]+)\)")


def shown(text: str, home: str) -> str:
    """A README with whole links, or, without a home, with none; a picture is then what it shows, in words."""

    def whole(found: re.Match[str]) -> str:
        picture, words, path = found.groups()
        return f"{picture}[{words}]({home}/{'raw' if picture else 'blob'}/HEAD/{path})" if home else words

    return LINK.sub(whole, text)


class Readme(MetadataHookInterface):
    """Hatchling's hook for metadata that pyproject.toml calls dynamic."""

    PLUGIN_NAME = "custom"

    def update(self, metadata: dict[str, Any]) -> None:
        """Set the README, and the home if there is one."""
        home = os.environ.get("HOME_PAGE", "").rstrip("/")
        text = Path(self.root, "README.md").read_text(encoding="utf-8")
        metadata["readme"] = {"content-type": "text/markdown", "text": shown(text, home)}
        if home:
            metadata["urls"] = {"Source": home}
