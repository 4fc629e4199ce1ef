"""What every page changes of Streamlit's looks."""

# Streamlit leaves six lines of empty space above every page; the picture needs them.
_ROOM = """
.stMainBlockContainer{padding-top:4.4rem;padding-bottom:2rem}
.stMainBlockContainer h1{padding:0 0 .4rem;font-size:1.9rem}
"""
# Its links to the pages show the keyboard's focus by a pale fill alone.
_FOCUS = """
[data-testid=stTopNavLink]:focus-visible,[data-testid=stTopNavDropdownLink]:focus-visible,
[data-testid=stSidebarNavLink]:focus-visible{outline:2px solid currentColor !important;outline-offset:-2px}
"""
# Captions, code and, in the dark, white on the accent have less contrast than WCAG's level AA asks for (4.5 : 1).
_CONTRAST = """
[data-testid=stCaptionContainer],.ncviz-caption{opacity:.78 !important}
[data-testid=stCode] .token{color:inherit !important}
[data-testid=stCode] .token.comment{color:color-mix(in srgb,currentcolor 76%,transparent) !important}
[data-testid^=stBaseButton-primary],[data-testid^=stBaseButton-primary] *,
[data-testid=stMultiSelectTagsContainer] span *
{color:light-dark(#fff,#17131f) !important}
"""
_OWN = """
.ncviz-caption{margin-top:.25rem;font-size:.875rem;text-align:center}
.ncviz-unseen{position:absolute;width:1px;height:1px;margin:0;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
"""
# What only listens takes no room. As wide as the page, its placeholder would stand out of it while it is loaded.
_NO_ROOM = "{position:absolute;width:1px !important;height:0;overflow:clip}"
_UNSEEN = f"""
.st-key-menu,.st-key-repaint,[data-testid=stLayoutWrapper]:has(>.st-key-explore-title){_NO_ROOM}
"""
# On a projector, of 1024 pixels, its sidebar and its margins leave too little to the picture.
_PROJECTOR = """
@media (min-width:768px) and (max-width:1100px){.stMainBlockContainer{padding-left:1.5rem;padding-right:1.5rem}
[data-testid=stSidebar][data-collapsed=false]{width:212px !important;min-width:212px !important}}
"""
# It rounds the size of a file that may be uploaded to whole gigabytes; the page says the limit itself.
_UPLOAD = """
:is(.st-key-bring-file,.st-key-stage-open) [data-testid=stFileUploaderDropzoneInstructions]{display:none}
"""

STYLE = f"<style>{_ROOM}{_FOCUS}{_CONTRAST}{_OWN}{_UNSEEN}{_PROJECTOR}{_UPLOAD}</style>"

# The bar of a lecture is there for its keys alone.
NO_BAR = f"<style>[data-testid=stLayoutWrapper]:has(>.st-key-stage-bar){_NO_ROOM}</style>"
# On a stage there is the page alone, as large as the window allows. Streamlit makes charts and tables as wide as their
# frame is on the screen, in pixels that are then enlarged with all else: the frame is as much narrower.
STAGE = """<style>
:root{--ncviz-stage:1}
[data-testid=stHeader],[data-testid=stSidebar],[data-testid=stSidebarCollapsedControl]{display:none}
.stMainBlockContainer{zoom:var(--ncviz-zoom,1);max-width:none;padding:.5rem 1rem}
.stMainBlockContainer>[data-testid=stVerticalBlock]{gap:.5rem}
[data-testid=stFullScreenFrame]{width:calc(100% / var(--ncviz-zoom,1)) !important}
[data-testid=stFullScreenFrame]:has(>.stPlotlyChart){height:calc(100% / var(--ncviz-zoom,1)) !important}
[data-testid=stFullScreenFrame] .js-plotly-plot{overflow:visible !important}
</style>"""
# Where two pictures share it, each has half of it, and what both say in their headings is not said again.
BESIDE = "<style>:root{--ncviz-beside:1}</style>"


def stage_style(*, is_compared: bool) -> str:
    """Return what a page on the stage changes of its looks."""
    return STAGE + (BESIDE if is_compared else "")
