"""How Sphinx builds the site, `make docs`: offline, warnings are errors. What pages say stands in the pages."""

import sys
from importlib.util import find_spec
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import autograd_mini

project = "autograd_mini"
author = "The autograd_mini authors"
copyright = f"{author}. MIT license"
release = version = autograd_mini.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "docs.extensions.gallery",
    "docs.extensions.mathml",
    "docs.extensions.names",
    "docs.extensions.pages",
    "docs.extensions.running",
]
exclude_patterns = [
    "examples/GALLERY_HEADER.rst",
    "**/*.ipynb",
    "examples/*.py",
    "**/sg_execution_times.rst",
    "sg_execution_times.rst",
]
templates_path = ["_templates"]
default_role = "name"  # of docstrings: `nn.Linear` is a link, `x @ w` code
suppress_warnings = ["config.cache"]

myst_enable_extensions = ["attrs_block", "attrs_inline", "colon_fence", "dollarmath"]
myst_heading_anchors = 3

autosummary_generate = True
autosummary_filename_map = {"autograd_mini.Signals": "autograd_mini.Signals-class"}  # beside `signals` on every disk
autodoc_preserve_defaults = True  # `np.float32` as it was written
autodoc_inherit_docstrings = False
autodoc_typehints = "none"  # docstrings tell shapes, dtypes and units, which types do not
numpydoc_show_class_members = False  # the template lists what a class defines itself
numpydoc_class_members_toctree = False
toc_object_entries_show_parents = "hide"

# Examples run in their fast mode, or whole: `make docs WHOLE=1`.
whole = "WHOLE" in tags  # noqa: F821
sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "examples",
    "filename_pattern": r"/\d\d_" if find_spec("torch") else r"/\d\d_(?!models)",
    "ignore_pattern": r"^(?!\d\d_)",
    "reset_argv": "docs.extensions.running.whole" if whole else "docs.extensions.running.fast",
    "within_subsection_order": "FileNameSortKey",
    "image_scrapers": ("matplotlib",),
    "matplotlib_animations": False,
    "backreferences_dir": "api/used",
    "doc_module": ("autograd_mini", "nn"),
    "inspect_global_variables": True,
    "show_memory": False,
    "min_reported_time": 1e9,
    "remove_config_comments": True,
    "download_all_examples": False,
    "show_signature": False,
    "parallel": 2,
}

html_theme = "pydata_sphinx_theme"
html_title = "autograd_mini"
html_sidebars = {page: [] for page in ("index", "tour", "changes")}  # nothing is below them
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
html_show_search_summary = False  # it would be fetched, which pages opened from files may not
html_context = {"default_mode": "auto"}
html_favicon = "_static/logo.svg"
html_theme_options = {
    "logo": {"image_light": "_static/logo.svg", "image_dark": "_static/logo.svg", "text": project, "alt_text": ""},
    "search_as_you_type": True,
    "collapse_navigation": True,
    "show_prev_next": True,
    "navigation_with_keys": False,
    "show_toc_level": 2,
    "header_links_before_dropdown": 7,
    "navbar_align": "left",
    "footer_start": ["copyright"],
    "footer_end": [],
    "secondary_sidebar_items": ["page-toc"],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
copybutton_exclude = ".linenos, .gp, .go"
