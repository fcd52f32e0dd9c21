"""What `make docs` built: links lead somewhere, nothing needs a network, pages fit a phone and the dark."""

import re
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from docs.shown import CHROMIUM, ROOT, SITE, written

pytestmark = pytest.mark.site

needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")

FETCHED = {"audio", "embed", "iframe", "img", "link", "object", "script", "source", "track", "video"}
UNFETCHED = {"canonical", "index", "next", "prev", "search"}  # what a `link` may be without the browser asking for it
IN_STYLES = re.compile(r"""(?:url\(\s*["']?|@import\s*["'])([^"')]+)""")


class Page(HTMLParser):
    """What a page has of titles, links and anchors, and what a browser fetches to show it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: set[str] = set()
        self.fetched: set[str] = set()
        self.headings, self.title, self.inside = 0, "", ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        told = {name: value or "" for name, value in attrs}
        self.anchors |= {told["id"]} if "id" in told else set()
        self.headings += tag == "h1"
        self.inside = tag
        if tag == "a" and "href" in told:
            self.links.add(told["href"])
        if tag in FETCHED and not (tag == "link" and told.get("rel") in UNFETCHED):
            self.fetched |= {told[name] for name in ("src", "href", "data", "poster") if name in told}
            self.fetched |= {part.split()[0] for part in told.get("srcset", "").split(",") if part.strip()}
        self.fetched |= set(IN_STYLES.findall(told.get("style", "")))

    def handle_data(self, data):
        self.title += data if self.inside == "title" else ""
        self.fetched |= set(IN_STYLES.findall(data)) if self.inside == "style" else set()

    def handle_endtag(self, tag):
        self.inside = ""


@cache
def pages() -> dict[Path, Page]:
    """All pages of the site, but for the theme's own."""
    found = [path for path in sorted(SITE.rglob("*.html")) if "_static" not in path.relative_to(SITE).parts]
    return {path: Page(path.read_text()) for path in found}


def target(page: Path, link: str) -> tuple[Path, str]:
    """The file and the anchor that a link of a page leads to."""
    parts = urlsplit(link)
    return (page.parent / unquote(parts.path)).resolve() if parts.path else page, unquote(parts.fragment)


def is_elsewhere(link: str) -> bool:
    """Whether a link leaves the site."""
    return bool(urlsplit(link).scheme or urlsplit(link).netloc)


def test_there_is_a_site_with_every_page_of_docs():
    assert (SITE / "index.html").exists(), "`make docs` builds the site"
    written = {path.stem for path in (ROOT / "docs").glob("*.md")} | {"search", "genindex", "api/index"}
    assert not [name for name in sorted(written) if SITE / f"{name}.html" not in pages()]


def test_every_link_and_anchor_leads_somewhere():
    anchors = {path: page.anchors for path, page in pages().items()}
    dead = []
    for path, page in pages().items():
        for link in sorted(page.links | page.fetched):
            if not is_elsewhere(link):
                file, anchor = target(path, link)
                there = file.is_file() and file.is_relative_to(SITE)
                if not there or (anchor and file in anchors and anchor not in anchors[file]):
                    dead.append(f"{path.relative_to(SITE)}: {link}")
    assert len(pages()) > 300
    assert not dead, "\n".join(dead)


def test_no_page_and_no_style_fetches_from_elsewhere():
    files = {path.relative_to(SITE): page.fetched for path, page in pages().items()}
    files |= {path.relative_to(SITE): set(IN_STYLES.findall(path.read_text())) for path in SITE.rglob("*.css")}
    fetched = [f"{path}: {link}" for path, links in files.items() for link in sorted(links) if is_elsewhere(link)]
    assert not [line for line in fetched if not line.partition(": ")[2].startswith("data:")]


def test_every_page_has_a_title_and_one_heading_of_the_first_level():
    assert not [str(path) for path, page in pages().items() if not page.title.strip() or page.headings != 1]


def sample() -> list[str]:
    """Of the pages that programs wrote, the largest of each kind and some others."""
    kinds = {"api/names/*.html": 60, "examples/*.html": 6, "_modules/**/*.html": 100, "reports/*.html": 1}
    chosen = {"search.html", "search.html?q=gradient", "genindex.html", "api/names/nn.fit.html"}
    for pattern, step in kinds.items():
        found = sorted(SITE.glob(pattern))
        chosen |= {path.relative_to(SITE).as_posix() for path in [*found[::step], *sorted(found, key=size)[-1:]]}
    return sorted(chosen)


def size(path: Path) -> int:
    """Of a file, in bytes."""
    return path.stat().st_size


@pytest.fixture(scope="module")
def browser() -> Iterator:
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as running:
        chromium = running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser) -> Iterator:
    """A page that notes what goes wrong in it."""
    page, problems = browser.new_page(viewport={"width": 1280, "height": 900}), []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("request", lambda request: None if request.url.startswith("file:") else problems.append(request.url))
    yield page
    page.close()
    assert not [problem for problem in problems if not problem.startswith("data:")]


# What is wider than its place: the page itself, and what scrolls without being code, a table or a formula.
WIDE = """() => [document.documentElement, ...document.querySelectorAll("body *")].filter(element => {
  const scrolls = element.tagName === "HTML" || /auto|scroll/.test(getComputedStyle(element).overflowX);
  return scrolls && element.scrollWidth > element.clientWidth + 1 && element.checkVisibility()
    && !element.matches("pre, .formula, .pst-scrollable-table-container");
}).map(element => [element.tagName, element.className, element.scrollWidth, element.clientWidth])"""
# Not to fetch styles, which pages opened from files may not, and not to tell what passes, which takes longest.
AXE = {"preload": False, "resultTypes": ["violations"]}
SETTLED = 400  # milliseconds until the theme has made what scrolls reachable by keys, which it does 300 after a resize


@needs_browser
@pytest.mark.parametrize("name", [*written(), *sample()])
def test_a_page_fits_a_phone_and_a_desk_by_day_and_by_night(name, page):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page.goto(f"{SITE.as_uri()}/{name}")
    if "?q=" in name:
        page.wait_for_selector("#search-results li")
    papers = set()
    for width, scheme in [(1280, "light"), (390, "dark")]:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        page.wait_for_timeout(SETTLED if width == 390 else 0)
        papers.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        assert page.evaluate(WIDE) == []
        found = axe.run(page, options=AXE)
        assert not found.violations_count, f"{width} {scheme}\n{found.generate_report()}"
    assert len(papers) == 2, "light and dark look the same"


@needs_browser
def test_search_works_from_files(page):
    page.goto(f"{SITE.as_uri()}/index.html")
    page.keyboard.press("Control+K")
    page.keyboard.type("PReLU")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search.html?q=PReLU*")
    page.locator("#search-results li a", has_text="nn.PReLU").first.click()
    page.wait_for_url("**/api/names/nn.PReLU.html*")
    assert page.locator("h1").inner_text().startswith("nn.PReLU")


SYMPTOMS = "does not learn", "network does not train", "vanishing gradient", "exploding gradients", "cures"


@needs_browser
@pytest.mark.parametrize("symptom", SYMPTOMS)
def test_search_knows_symptoms(symptom, page):
    page.goto(f"{SITE.as_uri()}/search.html?q={symptom.replace(' ', '+')}")
    page.wait_for_selector("#search-results li:nth-child(3) a")
    first = [link.get_attribute("href") for link in page.locator("#search-results li > a").all()[:3]]
    assert [link for link in first if link.startswith("diagnose.html")], first


@needs_browser
def test_code_is_copied_without_prompts(browser):
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.goto(f"{SITE.as_uri()}/api/names/nn.PReLU.html")
    block = page.locator("div.highlight", has_text=">>> ").first
    block.hover()
    block.locator("button.copybtn").click()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.strip()
    assert ">>>" not in copied
    context.close()
