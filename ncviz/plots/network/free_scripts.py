"""What the page of the free layout does in the browser: letters and outlines of its parts, and following a slider.

Templates for ``str.format``; braces of their own are doubled.
"""

# A hull around the units of each component, drawn under the edges at every frame, and its letter over them: as large
# at any zoom, and moved along its part's units until it covers no other.
OUTLINES = """<script>
(() => {{
  const parts = {parts};
  const cross = (o, a, b) => (a.x - o.x) * (b.y - o.y) - (a.y - o.y) * (b.x - o.x);
  const half = (points) => {{
    const hull = [];
    for (const p of points) {{
      while (hull.length > 1 && cross(hull[hull.length - 2], hull[hull.length - 1], p) <= 0) hull.pop();
      hull.push(p);
    }}
    return hull.slice(0, -1);
  }};
  const hulls = () =>
    parts.map(({{ name, nodes }}) => {{
      const places = Object.values(network.getPositions(nodes)).sort((a, b) => a.x - b.x || a.y - b.y);
      return {{ name, places, hull: [...half(places), ...half([...places].reverse())] }};
    }});
  network.on("beforeDrawing", (context) => {{
    for (const {{ hull }} of hulls().slice(0, {outlined})) {{
      if (hull.length < 2) continue;
      context.beginPath();
      hull.forEach((p, i) => (i ? context.lineTo(p.x, p.y) : context.moveTo(p.x, p.y)));
      context.closePath();
      context.lineJoin = "round";
      context.strokeStyle = "{area}";
      context.lineWidth = 56;
      context.stroke();
      context.fillStyle = "{area}";
      context.fill();
    }}
  }});
  network.on("afterDrawing", (context) => {{
    const pixel = 1 / network.getScale();
    const taken = [];
    context.font = `600 ${{15 * pixel}}px {font}`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.lineJoin = "round";
    for (const {{ name, places }} of hulls()) {{
      const spots = places
        .flatMap((p) => [-14, 14].map((rise) => ({{ x: p.x, y: p.y + rise * pixel }})))
        .sort((a, b) => a.y - b.y);
      const isFree = (p) =>
        taken.every((q) => Math.abs(p.x - q.x) > 18 * pixel || Math.abs(p.y - q.y) > 16 * pixel);
      const at = spots.find(isFree) ?? spots[0];
      if (!at) continue;
      taken.push(at);
      context.strokeStyle = "{paper}";
      context.lineWidth = 5 * pixel;
      context.strokeText(name, at.x, at.y);
      context.fillStyle = "{ink}";
      context.fillText(name, at.x, at.y);
    }}
  }});
}})();
</script>"""

# Within the app, edges go while the slider is dragged; the page as a whole is made anew when it is let go.
FOLLOW = r"""<script>
(() => {{
  const [channel, order] = {names};
  const follow = (event) => {{
    const changed = [];
    edges.forEach((edge) => {{
      const hidden = event.order === order && edge.rank < event.removed;
      if (hidden !== Boolean(edge.hidden)) changed.push({{ id: edge.id, hidden }});
    }});
    if (changed.length) edges.update(changed);
  }};
  const join = () => {{
    const state = window.parent.__ncvizChannels?.get(channel);
    if (!state) {{
      setTimeout(join, 300);
      return;
    }}
    state.listeners.add(follow);
    window.addEventListener("pagehide", () => state.listeners.delete(follow));
    if (state.last) follow(state.last);
  }};
  join();
  // The page around has the font; without it, this one would stand in the system's.
  const face = (sheet, rule) => rule.cssText.replace(/url\("([^"]+)"\)/g, (_, url) =>
    `url("${{new URL(url, sheet.href ?? window.parent.document.baseURI)}}")`);
  const own = document.head.appendChild(document.createElement("style")).sheet;
  for (const sheet of window.parent.document.styleSheets) {{
    if (sheet.href && new URL(sheet.href).origin !== window.parent.location.origin) continue;
    for (const rule of sheet.cssRules) {{
      if (rule.style?.fontFamily?.includes("Source Sans") && rule instanceof window.parent.CSSFontFaceRule) {{
        own.insertRule(face(sheet, rule));
      }}
    }}
  }}
  document.fonts.load('600 15px "Source Sans"').then(() => network.redraw(), () => {{}});
}})();
</script>"""
