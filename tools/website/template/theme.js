// Before the page is drawn, so that it does not flash: the theme that was chosen here last.
try {
  const chosen = localStorage.getItem("mof-lab-theme");
  if (chosen) document.documentElement.dataset.theme = chosen;
} catch { /* a browser that keeps nothing for pages from disk: the system's theme */ }
