"""Where `Drawing` puts its picture: files of each format, notebooks, and what happens without a renderer."""

import sys
from pathlib import Path

import numpy as np
import pytest

from autograd_mini import Tensor, scope
from autograd_mini.drawing import rendering
from autograd_mini.drawing.draw import Drawing, RenderError, draw

MAGIC = {"svg": b"<?xml", "png": b"\x89PNG\r\n", "pdf": b"%PDF", "dot": b"digraph", "gv": b"digraph"}


def small() -> Drawing:
    return draw(Tensor(2.0, requires_grad=True))


def large() -> Drawing:
    """Frames, colours and a legend."""
    with scope("layer"):
        h = np.tanh(np.ones((4, 3)) @ Tensor(np.ones((3, 2)), requires_grad=True, name="weights"))
    return draw(np.sum(h), signals=True)


@pytest.fixture
def no_dot(monkeypatch, tmp_path):
    """No program on the path."""
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))


@pytest.fixture
def no_renderer(no_dot, monkeypatch):
    monkeypatch.setattr(rendering.importlib.util, "find_spec", lambda name: None)


@pytest.fixture
def fake_dot(monkeypatch, tmp_path):
    """A program `dot` that answers with a picture of its arguments."""
    program = tmp_path / "bin" / "dot"
    program.parent.mkdir()
    program.write_text(f'#!{sys.executable}\nimport sys\nprint("<svg><!--", *sys.argv[1:], "--></svg>")\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))


@pytest.mark.parametrize("extension", MAGIC)
@pytest.mark.usefixtures("no_dot")
def test_each_format_is_written_without_a_system_dot(extension, tmp_path):
    path = tmp_path / "new" / "folder" / f"picture.{extension}"
    assert large().save(path) == str(path)
    assert path.read_bytes().startswith(MAGIC[extension])


def test_the_system_dot_is_used_where_there_is_one(fake_dot, tmp_path):
    drawing = small()
    path = Path(drawing.save(str(tmp_path / "a.SVG")))
    assert "<!-- -Tsvg -->" in path.read_text()
    assert (
        Path(drawing.save(tmp_path / "a.png")).read_text() == f"<svg><!-- -Tpng -Gdpi={rendering.PNG_DPI} --></svg>\n"
    )


@pytest.mark.parametrize("name", ["picture.bmp", "picture", "picture.svg.txt"])
def test_an_unknown_extension_lists_the_known_ones(name, tmp_path):
    with pytest.raises(ValueError, match=r"\.svg, \.png, \.pdf .* \.dot, \.gv"):
        small().save(tmp_path / name)


@pytest.mark.usefixtures("no_renderer")
def test_without_a_renderer_the_text_is_kept_and_the_extra_named(tmp_path):
    drawing = small()
    with pytest.raises(RenderError, match=r'pip install "autograd-mini\[render\]"') as caught:
        drawing.save(tmp_path / "picture.svg")
    kept = tmp_path / "picture.svg.dot"
    assert str(kept) in str(caught.value)
    assert kept.read_text() == drawing.source
    assert not (tmp_path / "picture.svg").exists()
    assert Path(drawing.save(tmp_path / "text.gv")).read_text() == drawing.source


def test_a_layout_that_takes_too_long_is_stopped(monkeypatch, tmp_path):
    monkeypatch.setattr(rendering, "renderer", lambda *_: [sys.executable, "-c", "import time; time.sleep(600)"])
    drawing = small()
    drawing.timeout = 0.2
    with pytest.raises(RenderError, match=r"0.2 seconds.*max_nodes=.*drawing.timeout = 2.*picture.pdf.dot"):
        drawing.save(tmp_path / "picture.pdf")


@pytest.mark.parametrize(
    "command", [[sys.executable, "-c", "raise SystemExit('no such plugin')"], ["/no/such/program"]]
)
def test_a_renderer_that_fails_says_why(command, monkeypatch, tmp_path):
    monkeypatch.setattr(rendering, "renderer", lambda *_: command)
    with pytest.raises(RenderError, match=r"no such plugin|No such file"):
        small().save(tmp_path / "picture.png")


def test_the_methods_of_the_base_class_still_save_text(fake_dot, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    drawing = small()
    assert drawing.save() == "computation.gv"
    assert drawing.save("b.dot", tmp_path / "sub") == str(tmp_path / "sub" / "b.dot")
    assert drawing.render("plain", directory=tmp_path, format="pdf") == str(tmp_path / "plain.pdf")
    assert (tmp_path / "plain").read_text() == drawing.source
    drawing.render(outfile=tmp_path / "out.svg")
    assert (tmp_path / "out.gv").read_text() == drawing.source


@pytest.mark.parametrize("format", ["svg", "png", "pdf"])
@pytest.mark.usefixtures("no_dot")
def test_render_and_pipe_draw_as_save_does(format, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    drawing = large()
    saved = Path(drawing.save(f"saved.{format}")).read_bytes()
    paths = [drawing.render("a", format=format), drawing.render("b", "sub", format=format, cleanup=True)]
    paths += [large().render(outfile=f"c.{format}"), large().render(format=format.upper(), quiet=True)]
    assert paths == [f"a.{format}", f"sub/b.{format}", f"c.{format}", f"computation.gv.{format.upper()}"]
    assert Path("a").read_text() == Path("c.gv").read_text() == drawing.source
    assert not Path("sub/b").exists()
    for picture in (*(Path(path).read_bytes() for path in paths), drawing.pipe(format)):
        assert picture[:40] == saved[:40]
        assert format == "pdf" or picture == saved  # a PDF has the time in it


@pytest.mark.usefixtures("no_dot")
def test_view_opens_what_it_draws(monkeypatch, tmp_path):
    opened = []
    monkeypatch.setattr(rendering.graphviz, "view", lambda path, quiet=False: opened.append(path))
    drawing = small()
    path = drawing.view(tmp_path / "seen")
    assert opened == [path] == [str(tmp_path / "seen.svg")]
    assert Path(path).read_text() == drawing.pipe(encoding="utf-8")


@pytest.mark.parametrize("options", [{"format": "jpg"}, {"format": "svg", "renderer": "cairo"}])
@pytest.mark.usefixtures("no_dot")
def test_what_only_the_program_can_do_is_told(options, tmp_path):
    for call in (lambda: small().render(tmp_path / "a", **options), lambda: small().pipe(**options)):
        with pytest.raises(RenderError, match=r"needs the program `dot`.*save\('graph.svg'\)"):
            call()


def test_the_program_is_given_what_only_it_can_do(fake_dot, tmp_path):
    assert small().pipe("jpg").split()[:2] == [b"<svg><!--", b"-Kdot"]
    assert small().render(tmp_path / "a", format="svg", renderer="cairo") == str(tmp_path / "a.cairo.svg")


@pytest.mark.usefixtures("no_renderer")
def test_render_keeps_the_text_where_there_is_no_renderer(tmp_path):
    with pytest.raises(RenderError, match=r'pip install "autograd-mini\[render\]"'):
        small().pipe("svg")
    with pytest.raises(RenderError, match=r'pip install "autograd-mini\[render\]"') as caught:
        small().render(tmp_path / "a", format="svg")
    assert str(tmp_path / "a") in str(caught.value)
    assert (tmp_path / "a").read_text() == small().source


def test_a_file_that_exists_is_kept_on_request(tmp_path):
    path = tmp_path / "picture.svg"
    path.write_text("mine")
    small().save(path, skip_existing=True)
    assert path.read_text() == "mine"


@pytest.mark.usefixtures("no_dot")
def test_notebooks_show_svg():
    drawing = large()
    bundle = drawing._repr_mimebundle_()
    assert list(bundle) == ["image/svg+xml"]
    assert drawing.title in bundle["image/svg+xml"]
    assert drawing._repr_mimebundle_(include=["image/png"])["image/png"].startswith(MAGIC["png"])
    assert drawing._repr_mimebundle_(exclude=["image/svg+xml"]) == {}


@pytest.mark.usefixtures("no_renderer")
def test_notebooks_show_the_text_where_there_is_no_renderer():
    drawing = small()
    text, shown = drawing._repr_mimebundle_().values()
    assert "<code>pip install &quot;autograd-mini[render]&quot;</code>" in shown
    assert text.endswith(drawing.source)
    assert "autograd-mini[render]" in text


def test_a_layout_that_takes_too_long_is_one_of_fewer_boxes_that_says_so(monkeypatch):
    h = Tensor(np.ones(3), requires_grad=True)
    for _ in range(300):
        h = np.tanh(h)
    drawing = draw(np.sum(h))
    lay_out, sizes = rendering.lay_out, []

    def slow(source, *args):
        sizes.append(source.count("label="))
        if len(sizes) < 2:
            raise rendering.LayoutTimeoutError("too long")
        return lay_out(source, *args)

    monkeypatch.setattr(rendering, "lay_out", slow)
    text = drawing.picture("svg").decode()
    assert sizes[1] < sizes[0] / 2
    assert "Folded: 301 operations are shown as" in text
