/** The part of the playground's script that draws: it finds D3 as the global `d3`. */
export const PICTURE_SCRIPT = `/**
 * Draws the vectors of the hits and of the query, and an arrow from the query alone to the query with its thought.
 *
 * points: [{id, x, y, kind: 'document' | 'instant' | 'final'}]; hits: the final ones, best first; before: the instant ones.
 */
function drawPicture(svg, points, hits, before) {
  const [width, height, margin] = [400, 300, 24];
  const [xs, ys] = [d3.extent(points, (point) => point.x), d3.extent(points, (point) => point.y)];
  // One scale for both axes, so that distances can be compared.
  const spread = Math.max((xs[1] - xs[0]) / (width - 2 * margin), (ys[1] - ys[0]) / (height - 2 * margin)) || 1;
  const x = (point) => width / 2 + (point.x - (xs[0] + xs[1]) / 2) / spread;
  const y = (point) => height / 2 - (point.y - (ys[0] + ys[1]) / 2) / spread;

  const ranks = new Map(hits.map((hit, index) => [hit.id, index + 1]));
  const titles = new Map([...before, ...hits].map((hit) => [hit.id, hit.title || hit.id]));
  const picture = d3.select(svg);
  picture.selectAll('*').remove();

  // The best hits last: they lie on top where points overlap.
  const documents = points
    .filter((point) => point.kind === 'document')
    .sort((a, b) => (ranks.get(b.id) || Infinity) - (ranks.get(a.id) || Infinity));
  const groups = picture
    .selectAll('g')
    .data(documents)
    .join('g')
    .attr('class', 'document')
    .attr('transform', (point) => 'translate(' + x(point) + ',' + y(point) + ')');
  groups.append('circle').attr('r', (point) => (ranks.has(point.id) ? 9 : 5));
  groups.append('text').text((point) => ranks.get(point.id) || '');
  groups.append('title').text((point) => titles.get(point.id) || point.id);

  const instant = points.find((point) => point.kind === 'instant');
  const final = points.find((point) => point.kind === 'final') || instant;
  if (!instant) return;
  const moved = Math.hypot(x(final) - x(instant), y(final) - y(instant));
  if (moved > 1) {
    const still = matchMedia('(prefers-reduced-motion: reduce)').matches;
    picture
      .append('line')
      .attr('class', 'arrow')
      .attr('x1', x(instant))
      .attr('y1', y(instant))
      .attr('x2', x(still ? final : instant))
      .attr('y2', y(still ? final : instant))
      .transition()
      .duration(still ? 0 : 600)
      .attr('x2', x(final))
      .attr('y2', y(final));
    // The head of the arrow touches the final point, which has a radius of 7; beside a short arrow there is no room for it.
    const angle = (Math.atan2(y(final) - y(instant), x(final) - x(instant)) * 180) / Math.PI;
    if (moved > 26) {
      picture
        .append('path')
        .attr('class', 'tip')
        .attr('d', 'M-7,0 L-17,-5 L-17,5 Z')
        .attr('transform', 'translate(' + x(final) + ',' + y(final) + ') rotate(' + angle + ')');
    }
    picture.append('circle').attr('class', 'final').attr('r', 7).attr('cx', x(final)).attr('cy', y(final));
  }
  picture.append('circle').attr('class', 'instant').attr('r', 6).attr('cx', x(instant)).attr('cy', y(instant));
  picture.attr('aria-label', describePicture(documents, instant, moved > 1 ? final : undefined, titles));
}

/** The picture in words: which hit is nearest to the query, before and after the thought. */
function describePicture(documents, instant, final, titles) {
  const nearest = (point) => {
    const document = d3.least(documents, (other) => Math.hypot(other.x - point.x, other.y - point.y));
    return document ? titles.get(document.id) || document.id : 'none';
  };
  const before = documents.length + ' hits around the query. Nearest to the query alone: ' + nearest(instant) + '.';
  return final ? before + ' Nearest to the query with its thought: ' + nearest(final) + '.' : before;
}
`;
