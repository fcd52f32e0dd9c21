"""What every example of the gallery does around its lesson: a fast mode, one picture, one claim."""

import argparse
import sys
from pathlib import Path
from typing import Any


def fast() -> bool:
    """Whether `--fast` was written: a run of seconds, which shows the same claim with rougher numbers."""
    parser = argparse.ArgumentParser(description=sys.modules["__main__"].__doc__)
    parser.add_argument("--fast", action="store_true", help="a run of seconds, with rougher numbers")
    return bool(parser.parse_args().fast)


def save(figure: Any, example: str) -> None:
    """Write the example's picture, `gallery/NN_topic.png`, below the current directory."""
    path = Path("gallery", Path(example).stem).with_suffix(".png")
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path, dpi=110, bbox_inches="tight")
    print(f"wrote {path}")


def claim(holds: Any, text: str) -> None:
    """Print what the example shows, with its numbers; end with an error if they do not bear it out."""
    print(text)
    if not holds:
        sys.exit("The numbers of this run do not bear the claim out.")
