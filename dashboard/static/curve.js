// Draws a job's curves from #points, again whenever htmx brings new ones.
"use strict";
(() => {
  const rows = new Map();
  const charts = ["loss", "accuracy"].map((id) => document.getElementById(id));
  const numbers = document.getElementById("numbers");
  const keys = ["train_loss", "valid_loss", "train_accuracy", "valid_mean_token_accuracy"];
  const drawn = new Map();

  // A colour of the style sheet as the browser has worked it out, for a canvas knows no variables.
  const colour = (name) => {
    const probe = document.createElement("span");
    probe.style.color = `var(${name})`;
    document.body.append(probe);
    const found = getComputedStyle(probe).color;
    probe.remove();
    return found;
  };

  const columns = (names) => {
    const steps = [...rows.keys()].sort((a, b) => a - b);
    return [steps, ...names.map((name) => steps.map((step) => rows.get(step)[name]))];
  };

  // Where no pointer asks for a step, the legend tells the newest.
  const tellNewest = (chart) => {
    if (chart.cursor.idx == null) chart.setLegend({ idx: chart.data[0].length - 1 });
  };

  const make = (place, names, labels) => {
    const axis = { stroke: colour("--faint"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, size: 44 };
    const pens = [colour("--accent"), colour("--second")];
    const series = names.map((name, at) => ({
      label: labels[name], stroke: pens[at], width: 2, spanGaps: true,
      // What is measured now and then is marked, and so is a point that no line leads to.
      points: { show: (chart) => at === 1 || chart.data[0].length === 1, size: 5 },
      value: (_, value) => (value == null ? "–" : value.toFixed(3)),
    }));
    const options = {
      width: place.clientWidth, height: 220, legend: { live: true }, cursor: { drag: { x: true, y: false } },
      scales: { x: { time: false } }, axes: [{ ...axis, size: 32 }, axis],
      series: [{ label: place.dataset.step }, ...series], hooks: { setCursor: [tellNewest] },
    };
    return new uPlot(options, columns(names), place);
  };

  const draw = () => {
    if (!rows.size) return;
    document.getElementById("no-points").hidden = true;
    document.getElementById("charts").hidden = document.getElementById("table").hidden = false;
    for (const place of charts) {
      const labels = JSON.parse(place.dataset.series);
      const names = Object.keys(labels).filter((name) => [...rows.values()].some((row) => row[name] != null));
      const shape = names.join();
      place.previousElementSibling.hidden = !names.length;
      const known = drawn.get(place);
      if (known && known.shape === shape) {
        known.chart.setData(columns(names));
        tellNewest(known.chart);
      } else if (names.length) {
        known?.chart.destroy();
        drawn.set(place, { shape, chart: make(place, names, labels) });
        tellNewest(drawn.get(place).chart);
      }
      place.dataset.drawn = rows.size;
      place.dataset.newest = Math.max(...rows.keys());
    }
  };

  const tell = (row) => {
    const line = document.createElement("tr");
    const head = document.createElement("th");
    head.scope = "row";
    head.textContent = row.step;
    line.append(head);
    for (const key of keys) {
      const cell = document.createElement("td");
      cell.className = "number";
      cell.textContent = row[key] == null ? "–" : row[key].toFixed(3);
      line.append(cell);
    }
    numbers.append(line);
  };

  const take = () => {
    const told = Object.entries(JSON.parse(document.getElementById("points").dataset.points));
    const [steps] = told.filter(([name]) => name === "step").map(([, column]) => column);
    for (const [at, step] of steps.entries()) {
      const row = Object.fromEntries(told.map(([name, column]) => [name, column[at]]));
      if (!rows.has(step)) tell(row);
      rows.set(step, row);
    }
    draw();
  };

  const again = () => {
    for (const { chart } of drawn.values()) chart.destroy();
    drawn.clear();
    draw();
  };
  numbers.replaceChildren(); // what stands there without a script is thinner
  take();
  document.body.addEventListener("htmx:afterSwap", take);
  // What came while nobody looked is asked for too.
  document.body.addEventListener("htmx:configRequest", ({ detail }) => {
    if (detail.elt.id === "live" && rows.size) detail.parameters.step = Math.max(...rows.keys());
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
  let width = innerWidth;
  addEventListener("resize", () => {
    if (innerWidth === width) return;
    width = innerWidth;
    again();
  });
})();
