// Search, theme, language switch, side list: all from the page's own folder, nothing is fetched.
const page = document.documentElement;
const root = page.dataset.root;
const words = JSON.parse(document.getElementById("spoken").textContent);
const $ = (selector) => document.querySelector(selector);

// ---- theme ----------------------------------------------------------------------------------------

$(".theme").addEventListener("click", () => {
  const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  const theme = (page.dataset.theme || system) === "dark" ? "light" : "dark";
  page.dataset.theme = theme;
  try {
    localStorage.setItem("mof-lab-theme", theme);
  } catch { /* kept for this page only */ }
});

// ---- language: to the same cell of the other edition ----------------------------------------------

$(".language")?.addEventListener("click", (event) => {
  const link = event.currentTarget;
  if ("missing" in link.dataset) return;
  let place = "";
  for (const cell of document.querySelectorAll("[data-place]")) {
    if (cell.getBoundingClientRect().top > innerHeight / 3) break;
    place = `#${cell.id}`;
  }
  link.href = link.href.split("#")[0] + (scrollY > 0 ? place : "");
});

// ---- side list on a narrow screen -----------------------------------------------------------------

const menu = $(".menu");
function showSeries(open) {
  menu.setAttribute("aria-expanded", String(open));
  page.classList.toggle("series-open", open);
}
menu.addEventListener("click", () => showSeries(menu.getAttribute("aria-expanded") !== "true"));
document.addEventListener("click", (event) => {
  if (!event.target.closest(".series, .menu")) showSeries(false);
});

// ---- contents: open beside a wide text, and marking where one is ----------------------------------

const contents = $(".contents details");
if (contents) {
  const wide = matchMedia("(min-width: 75rem)");
  const follow = () => { contents.open = wide.matches; };
  wide.addEventListener("change", follow);
  follow();
  const links = new Map([...contents.querySelectorAll("a")].map((a) => [a.hash.slice(1), a]));
  const headings = [...links.keys()].map((id) => document.getElementById(decodeURIComponent(id)));
  const mark = () => {
    const passed = headings.filter((h) => h && h.getBoundingClientRect().top < 120);
    const now = passed.at(-1);
    for (const [id, link] of links) {
      link.toggleAttribute("data-here", Boolean(now) && decodeURIComponent(id) === now.id);
    }
  };
  addEventListener("scroll", mark, { passive: true });
  mark();
}

// ---- code: a button to copy -----------------------------------------------------------------------

for (const box of document.querySelectorAll(".source, article .text .highlight")) {
  const button = document.createElement("button");
  button.className = "copy";
  button.textContent = words.copy;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(box.querySelector("pre").textContent);
      button.textContent = words.copied;
      setTimeout(() => { button.textContent = words.copy; }, 1500);
    } catch {
      getSelection().selectAllChildren(box.querySelector("pre"));
    }
  });
  box.append(button);
}
for (const summary of document.querySelectorAll(".as-text summary")) {
  summary.textContent = $("article").dataset.asText;
}

// ---- search ---------------------------------------------------------------------------------------

const MOST = 12;
const query = $("#query"), panel = $(".search .panel"), found = $("#found"), count = $(".count");
const HAN = /[\u3400-\u9fff]/;
const plain = (text) => text.normalize("NFKC").toLowerCase();

// A script and not a fetch: pages from disk may load the one, but not do the other.
let index = null;
function loadIndex() {
  index ??= new Promise((done) => {
    const script = document.createElement("script");
    script.src = `${root}assets/search.js`;
    script.onload = () => done(window.searchIndex.map((entry) => ({
      ...entry,
      plainHeading: plain(`${entry.heading} ${entry.title}`),
      plainText: plain(entry.text),
    })));
    document.head.append(script);
  });
  return index;
}

// Chinese has no gaps between words: what is not found as a whole may be there in pairs.
function pairs(term) {
  return HAN.test(term) && term.length > 2
    ? Array.from({ length: term.length - 1 }, (_, i) => term.slice(i, i + 2))
    : [];
}

function scoreOf(entry, term) {
  const inHeading = entry.plainHeading.indexOf(term);
  const inText = entry.plainText.indexOf(term);
  if (inHeading >= 0) {
    const starts = inHeading === 0 || !/\w/.test(entry.plainHeading[inHeading - 1]);
    return (starts ? 8 : 5) + (inText >= 0 ? 1 : 0) + term.length / (term.length + entry.heading.length);
  }
  if (inText >= 0) {
    const times = Math.min(entry.plainText.split(term).length - 1, 5);
    return (/\w/.test(entry.plainText[inText - 1] ?? " ") ? 0.5 : 1) + times / 5;
  }
  const parts = pairs(term);
  const there = parts.filter((p) => entry.plainText.includes(p) || entry.plainHeading.includes(p));
  return parts.length && there.length / parts.length >= 0.6 ? there.length / parts.length / 2 : 0;
}

function find(entries, text) {
  const terms = plain(text).split(/\s+/).filter(Boolean);
  const results = [];
  for (const entry of entries) {
    const scores = terms.map((term) => scoreOf(entry, term));
    if (!terms.length || scores.some((score) => score === 0)) continue;
    const own = entry.language === page.dataset.language;
    if (own || !entry.both) {
      results.push({ entry, terms, score: scores.reduce((a, b) => a + b) + (own ? 1 : 0) });
    }
  }
  return results.sort((a, b) => b.score - a.score);
}

function marked(text, terms) {
  const lower = text.toLowerCase(), hit = new Array(text.length).fill(false);
  for (const term of terms.flatMap((t) => [t, ...pairs(t)])) {
    for (let at = lower.indexOf(term); at >= 0; at = lower.indexOf(term, at + 1)) {
      hit.fill(true, at, at + term.length);
    }
  }
  const piece = document.createDocumentFragment();
  for (let start = 0, end = 0; start < text.length; start = end) {
    while (end < text.length && hit[end] === hit[start]) end += 1;
    const part = hit[start] ? document.createElement("mark") : piece;
    part.append(text.slice(start, end));
    if (hit[start]) piece.append(part);
  }
  return piece;
}

function around(text, terms) {
  const lower = text.toLowerCase();
  const places = terms.flatMap((t) => [t, ...pairs(t)]).map((t) => lower.indexOf(t)).filter((i) => i >= 0);
  const start = Math.max(0, (places.length ? Math.min(...places) : 0) - 30);
  return (start ? "…" : "") + text.slice(start, start + 140) + (start + 140 < text.length ? "…" : "");
}

function row({ entry, terms }) {
  const item = document.createElement("li"), link = document.createElement("a");
  const title = document.createElement("strong"), where = document.createElement("small");
  const text = document.createElement("span");
  link.href = root + entry.page + (entry.anchor ? `#${entry.anchor}` : "");
  link.lang = entry.language === "zh" ? "zh-CN" : "en";
  title.append(marked(entry.heading || entry.title, terms));
  where.textContent = entry.title + (entry.language === page.dataset.language ? "" : entry.language === "zh" ? " · 中文" : " · English");
  text.append(marked(around(entry.text, terms), terms));
  link.append(title, where, text);
  item.append(link);
  return item;
}

async function search() {
  const text = query.value.trim();
  panel.hidden = !text;
  if (!text) return;
  if (!found.children.length) count.textContent = words.loading;
  const entries = await loadIndex();
  if (text !== query.value.trim()) return;
  const results = find(entries, text);
  found.replaceChildren(...results.slice(0, MOST).map(row));
  count.textContent = (results.length ? words.found : words.none).replace("{n}", results.length).replace("{query}", text);
}

query.addEventListener("focus", loadIndex);
query.addEventListener("input", search);
$(".search").addEventListener("submit", (event) => {
  event.preventDefault();
  found.querySelector("a")?.click();
});
$(".search").addEventListener("keydown", (event) => {
  const links = [...found.querySelectorAll("a")];
  const at = links.indexOf(document.activeElement);
  if (event.isComposing || panel.hidden) return;
  if (event.key === "Escape") {
    panel.hidden = true;
    query.focus();
  } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    const next = at + (event.key === "ArrowDown" ? 1 : -1);
    (next < 0 ? query : links[Math.min(next, links.length - 1)])?.focus();
  }
});
document.addEventListener("click", (event) => {
  if (!event.target.closest(".search") || event.target.closest("#found a")) panel.hidden = true;
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (/^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName)) return;
  event.preventDefault();
  query.focus();
});
