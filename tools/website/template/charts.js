// Draws the plotly figures of a page, with the one plotly.min.js of the site.
for (const chart of document.querySelectorAll(".chart")) {
  const { data, layout } = JSON.parse(chart.querySelector("script").textContent);
  Plotly.newPlot(chart, data, layout, { responsive: true, displaylogo: false });
}
