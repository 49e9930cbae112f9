// What tests ask of a page, put into it before anything of its own runs.

addEventListener("securitypolicyviolation", (event) => {
  console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`);
});

const CONTROLS = "button, select, textarea, summary, audio, a, .choice label";
const NAMED = "button, a[href], input, select, textarea, summary, audio, progress, svg[role], [role=img], fieldset, table, section";

function shown(one) {
  return `${one.outerHTML.slice(0, 90)}`;
}

function seen(selector) {
  return [...document.querySelectorAll(selector)].filter((one) => one.checkVisibility());
}

globalThis.probes = {
  /** Controls that a thumb would miss. */
  tooSmall() {
    const boxes = seen(CONTROLS).map((one) => [one, one.getBoundingClientRect()]);
    const small = boxes.filter(([, box]) => box.height < 44 || box.width < 44);
    return small.map(([one, box]) => `${shown(one)} ${box.width} x ${box.height}`);
  },

  /** Elements that go over the edge of the window. */
  tooWide() {
    const all = seen("body *").filter((one) => !one.closest("svg, .scroll, .unseen"));
    return all.filter((one) => one.getBoundingClientRect().right > innerWidth + 0.5).map(shown);
  },

  /** Elements that have no name for who hears the page. */
  nameless() {
    return seen(NAMED).filter((one) => nameOf(one).trim() === "").map(shown);
  },

  /** The levels of all headings, in their order. */
  headings() {
    return seen("h1, h2, h3, h4").map((one) => Number(one.localName[1]));
  },

  /** Texts that stand out less from what is behind them than WCAG 2.2 wants at its level AA. */
  pale() {
    const found = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const one = walker.currentNode.parentElement;
      if (!walker.currentNode.data.trim() || !one.checkVisibility() || one.closest("option, noscript, .unseen")) continue;
      const ratio = contrast(one);
      if (ratio < 4.5) found.push(`${ratio.toFixed(2)} ${walker.currentNode.data.slice(0, 30)} in ${shown(one)}`);
    }
    return found;
  },

  /** Where the keyboard stands, and whether that can be seen. */
  focused() {
    const one = document.activeElement;
    // A choice shows it at the words beside its button, a moment on the line at its halo.
    const ringed = [one, one.nextElementSibling, one.querySelector(".halo")].filter((part) => part !== null);
    const isSeen = ringed.some((part) => {
      const style = getComputedStyle(part);
      const isRing = style.outlineStyle !== "none" && Number.parseFloat(style.outlineWidth) >= 2;
      return isRing || (part.matches(".halo") && Number.parseFloat(style.strokeWidth) >= 2 && style.stroke !== "none");
    });
    // Within a player it is one of its own buttons, and the browser rings that.
    return { isSeen: isSeen || one.matches("body, audio"), what: shown(one) };
  },
};

function nameOf(one) {
  const by = (one.getAttribute("aria-labelledby") ?? "").split(" ").map((id) => document.getElementById(id));
  const own = one.matches("button, a, summary") ? [one] : [...one.querySelectorAll(":scope > legend, :scope > caption")];
  const texts = [...by, ...(one.labels ?? []), ...own].map((part) => part?.textContent ?? "");
  return [one.getAttribute("aria-label"), ...texts].join("");
}

// As painted: colours of any form, and washes over one another.
function painted(colors) {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d");
  for (const color of colors) {
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
  }
  return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
}

function luminance(rgb) {
  const [red, green, blue] = rgb.map((one) => one / 255).map((one) => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(one) {
  const grounds = [];
  for (let at = one; at; at = at.parentElement) grounds.unshift(getComputedStyle(at).backgroundColor);
  const style = getComputedStyle(one);
  const front = luminance(painted([...grounds, one.closest("svg") ? style.fill : style.color]));
  const back = luminance(painted(grounds));
  return (Math.max(front, back) + 0.05) / (Math.min(front, back) + 0.05);
}
