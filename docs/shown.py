"""How long each page of the site takes until it is shown: `python -m docs.shown`, after `make docs`."""

import shutil
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[1]
SITE = ROOT / "site"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
TIMES = 5
READ = """() => {
  const first = performance.getEntriesByName("first-contentful-paint")[0];
  return [first ? first.startTime : NaN, performance.getEntriesByType("navigation")[0].loadEventEnd];
}"""


def written() -> list[str]:
    """The pages that people wrote."""
    sources = [*(ROOT / "docs").glob("*.md"), *(ROOT / "docs" / "api").glob("*.rst")]
    return sorted(path.relative_to(ROOT / "docs").with_suffix(".html").as_posix() for path in sources)


def milliseconds(names: list[str]) -> dict[str, tuple[float, float]]:
    """Of each page the medians until something, and until all of it, is shown in a browser that has nothing stored."""
    from playwright.sync_api import sync_playwright

    found = {}
    with sync_playwright() as running:
        browser = running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for name in names:
            taken = []
            for _ in range(TIMES):
                page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
                page.goto(f"{SITE.as_uri()}/{name}", wait_until="load")
                page.wait_for_function("performance.getEntriesByName('first-contentful-paint').length")
                taken.append(page.evaluate(READ))
                page.context.close()
            first, whole = (median(times) for times in zip(*taken, strict=True))
            found[name] = first, whole
        browser.close()
    return found


if __name__ == "__main__":
    print(f"{'page':28}{'KB':>6}{'first':>8}{'whole':>8}  ms, medians of {TIMES}")
    for name, (first, whole) in sorted(milliseconds(written()).items(), key=lambda pair: -pair[1][1]):
        print(f"{name:28}{(SITE / name).stat().st_size // 1000:6}{first:8.0f}{whole:8.0f}")
