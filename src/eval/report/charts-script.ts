/**
 * Draws the charts in the reader's browser, with Observable Plot; `data` is the list of `SetCharts`. A chart without points is
 * not drawn: a sentence stands in its place.
 */
export const CHARTS_SCRIPT = `
for (const [i, set] of data.entries()) {
  const thinking = [...new Set(set.gains.map((d) => d.system))];
  const gainAxis = 'gain in ' + set.measure + ' over the instant vector';
  draw(i, 'gains', set.gains, () => ({
    width: 900, height: 260, marginLeft: 50, fx: { domain: thinking, label: null }, x: { axis: null }, y: { label: gainAxis, grid: true },
    marks: [
      Plot.rectY(set.gains, { fx: 'system', x1: (d) => d.rank - 0.5, x2: (d) => d.rank + 0.5, y: 'gain',
        fill: (d) => (d.gain < 0 ? '#c2410c' : '#0f766e'), title: describe }),
      Plot.ruleY([0]),
    ],
  }));
  const withThought = set.gains.filter((d) => d.tokens > 0);
  draw(i, 'length', withThought, () => ({
    width: 900, height: 260, marginLeft: 50, fx: { domain: thinking, label: null }, x: { label: 'tokens of the thoughts' }, y: { label: gainAxis, grid: true },
    marks: [
      Plot.ruleY([0]),
      Plot.dot(withThought, { fx: 'system', x: 'tokens', y: 'gain', r: 2.5, fill: '#334155', fillOpacity: 0.5, title: describe }),
    ],
  }));
  const front = set.cost.filter((d) => d.onFront).sort((a, b) => a.ms - b.ms);
  draw(i, 'cost', set.cost, () => ({
    width: 900, height: 360, marginLeft: 50, marginRight: 140, x: { type: 'log', label: 'mean time of a query, ms' }, y: { label: set.measure, grid: true },
    marks: [
      Plot.line(front, { x: 'ms', y: 'value', stroke: '#0f766e', strokeDasharray: '4 3' }),
      Plot.ruleX(set.cost, { x: 'ms', y1: 'low', y2: 'high', stroke: '#94a3b8' }),
      Plot.dot(set.cost, { x: 'ms', y: 'value', r: 4, fill: (d) => (d.onFront ? '#0f766e' : '#64748b') }),
      Plot.text(set.cost, { x: 'ms', y: 'value', text: 'system', dx: 7, textAnchor: 'start', fontSize: 11 }),
    ],
  }));
  draw(i, 'trust', set.trust, () => ({
    width: 900, height: 280, marginLeft: 50, x: { label: 'share of the instant vector' }, y: { label: 'nDCG@10', grid: true },
    color: { legend: true, type: 'categorical' },
    marks: [
      Plot.line(set.trust, { x: 'instantWeight', y: 'value', stroke: 'system', strokeDasharray: (d) => (d.split === 'dev' ? '3 3' : '0'), z: (d) => d.system + d.split }),
      Plot.dot(set.trust, { x: 'instantWeight', y: 'value', stroke: 'system', r: 2.5 }),
    ],
  }));
}
function describe(d) {
  return d.query + '\\n' + d.gain.toFixed(3) + '\\n' + d.thought;
}
function draw(i, name, points, options) {
  const place = document.getElementById(name + '-' + i);
  if (points.length === 0) place.append('Nothing to draw: no system that thinks was measured.');
  else place.append(Plot.plot(options()));
}
`;
