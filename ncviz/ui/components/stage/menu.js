// On a phone the menu lies over the page: it closes once a page is chosen, and is closed where a link is opened.

import { keepInstance } from "../shared/instances.js";

const NARROW = "(max-width: 768px)"; // from which on Streamlit lays the sidebar over the page
const AGAIN = 400; // milliseconds, by which a sidebar that is still coming in stands

class Menu {
  /** @param {StreamlitComponent<{ page: string }>} given */
  update({ data }) {
    const { body } = document;
    // Kept at the page itself, so that a part that is drawn anew does not close what has just been opened.
    if (body.dataset.ncvizPage === data.page) return;
    body.dataset.ncvizPage = data.page;
    close();
    const again = setTimeout(close, AGAIN);
    // What the reader opens meanwhile stays open.
    document.addEventListener("pointerdown", () => clearTimeout(again), { capture: true, once: true });
  }

  destroy() {}
}

function close() {
  const sidebar = document.querySelector('[data-testid="stSidebar"]');
  if (!sidebar || !matchMedia(NARROW).matches || sidebar.getBoundingClientRect().right <= 1) return;
  /** @type {HTMLButtonElement | null} */
  const button = sidebar.querySelector('[data-testid="stSidebarCollapseButton"] button');
  button?.click();
}

export default keepInstance(() => new Menu());
