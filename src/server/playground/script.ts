/** The playground's script: asks for a thought, reads the events as they come, and shows them. */
export const SCRIPT = String.raw`
const element = (id) => document.getElementById(id);
const form = element('form');

/** The running question; a new one ends it. */
let running;

form.addEventListener('submit', (event) => {
  event.preventDefault();
  ask();
});
element('stop').addEventListener('click', () => running?.abort());
document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape') running?.abort();
});
showModel();

async function ask() {
  running?.abort();
  const controller = new AbortController();
  running = controller;
  element('stop').hidden = false;
  clear();
  try {
    for await (const event of serverEvents('/v1/thoughts', request(), controller.signal)) show(event);
    // Where an API key is wanted, the model's name could not be asked for before.
    if (element('model').textContent === '') showModel();
  } catch (error) {
    if (controller.signal.aborted) {
      if (running === controller) say('Stopped.');
    } else showError(error);
  }
  if (running !== controller) return;
  running = undefined;
  element('stop').hidden = true;
  element('thoughts').setAttribute('aria-busy', 'false');
}

/** What the form says, as the server takes it. What does not matter, or is left to the model, is left out. */
function request() {
  const values = new FormData(form);
  const body = { query: values.get('query').trim(), think: values.get('think'), projection: true };
  if (body.think === 'never') return body;
  if (values.get('thoughts') !== '') body.thoughts = Number(values.get('thoughts'));
  if (values.get('temperature') !== '') body.temperature = Number(values.get('temperature'));
  return body;
}

function headers() {
  const key = new FormData(form).get('key');
  return { 'content-type': 'application/json', ...(key ? { authorization: 'Bearer ' + key } : {}) };
}

/** Something that the visitor is told in these words. */
class Problem extends Error {}

/** Posts a request and yields the server-sent events of the answer. */
async function* serverEvents(url, body, signal) {
  let response;
  try {
    response = await fetch(url, { method: 'POST', headers: headers(), body: JSON.stringify(body), signal });
  } catch (error) {
    throw signal.aborted ? error : new Problem('The server cannot be reached. Does it still run?');
  }
  if (!response.ok) throw await problemOf(response);
  let [text, final] = ['', false];
  for (const reader = response.body.pipeThrough(new TextDecoderStream()).getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) break;
    // An event ends with an empty line; what follows the last one is still being sent.
    const blocks = (text + value).split(/\r?\n\r?\n/);
    text = blocks.pop();
    for (const block of blocks) {
      const event = parseEvent(block);
      if (!event) continue;
      if (event.type === 'error') throw new Problem(event.data.error.message);
      final ||= event.type === 'final';
      yield event;
    }
  }
  if (!final) throw new Problem('The connection ended before the answer was complete. Ask again.');
}

function parseEvent(block) {
  const lines = block.split(/\r?\n/);
  const field = (name) =>
    lines.filter((line) => line.startsWith(name + ':')).map((line) => line.slice(name.length + 1).trim());
  const data = field('data').join('\n');
  return data === '' ? undefined : { type: field('event')[0], data: JSON.parse(data) };
}

/** A refused request, in words. */
async function problemOf(response) {
  const message = await response.json().then(
    (body) => body.error.message,
    () => 'The server answered ' + response.status + ' ' + response.statusText + '.',
  );
  if (response.status === 401) {
    element('key').hidden = false;
    form.elements.key.focus();
    return new Problem('This server wants an API key. Enter it below the question, and search again.');
  }
  if (response.status === 429 || response.status === 503) {
    const seconds = response.headers.get('retry-after');
    return new Problem('The server is busy: ' + message + (seconds ? ' Try again in ' + seconds + ' s.' : ''));
  }
  return new Problem(message);
}

/** The hits before the thought. */
let instantHits = [];

function show({ type, data }) {
  if (type === 'instant') {
    instantHits = data.hits || [];
    if (data.hits) showHits(data.hits);
    const found = data.hits ? count(data.hits.length, 'instant hit') : 'The vector of the query alone';
    say(found + ' after ' + milliseconds(data.prefill_ms) + '. Thinking …');
  } else if (type === 'token') {
    const thought = thoughtElement(data.sample);
    thought.textContent = (thought.textContent + data.text).trimStart();
  } else if (type === 'final') {
    showFinal(data);
  }
}

function showFinal({ hits, basis, thoughts, deadline_reached, cached, timings, projection }) {
  for (const { sample, text, finish_reason } of thoughts) {
    thoughtElement(sample).textContent = text.trim() + (finish_reason === 'length' ? ' …' : '');
  }
  const finished = new Set(thoughts.map(({ sample }) => sample));
  for (const [sample, thought] of [...element('thoughts').children].entries()) {
    // The deadline has cut it off.
    if (!finished.has(sample)) thought.textContent += ' …';
  }
  element('thoughts').setAttribute('aria-busy', 'false');
  const thought = basis === 'thoughts';
  const moves = hits && movesOf(hits, instantHits);
  if (hits) showHits(hits, thought ? moves : undefined);
  say(
    [
      (hits ? count(hits.length, 'hit') : 'The final vector') + ' after ' + milliseconds(timings.total_ms) + '.',
      thought ? hits && describeMoves(moves) : 'Without a thought: these are the instant hits.',
      deadline_reached && 'The deadline was reached.',
      cached && 'The thought came from the cache.',
      !hits && 'This server has no documents: start it with a folder to search.',
    ]
      .filter(Boolean)
      .join(' '),
  );
  if (!projection) return;
  element('picture-section').hidden = false;
  drawPicture(element('picture'), projection.points, hits || [], instantHits);
}

/** How far each hit has moved up (positive) or down, or 'new'. */
function movesOf(hits, before) {
  const ranks = new Map(before.map(({ id }, rank) => [id, rank]));
  return hits.map(({ id }, rank) => (ranks.has(id) ? ranks.get(id) - rank : 'new'));
}

function describeMoves(moves) {
  const kinds = [
    [moves.filter((move) => move > 0).length, 'up'],
    [moves.filter((move) => move < 0).length, 'down'],
    [moves.filter((move) => move === 'new').length, 'new'],
  ].filter(([number]) => number > 0);
  if (kinds.length === 0) return 'The thought moved none of them.';
  return 'The thought moved them: ' + kinds.map(([number, kind]) => number + ' ' + kind).join(', ') + '.';
}

function showHits(hits, moves) {
  element('hits-section').hidden = false;
  element('hits-heading').textContent = moves ? 'Hits with the thought' : 'Instant hits';
  element('hits').replaceChildren(...hits.map((hit, index) => hitElement(hit, moves?.[index])));
}

function hitElement({ id, title, text, score }, move) {
  const heading = make('h3', '', make('span', 'title', title || id), make('span', 'score', score.toFixed(3)));
  if (move !== undefined) heading.append(moveElement(move));
  const item = make('li', '', heading);
  item.dataset.id = id;
  if (title && title !== id) item.append(make('p', 'id', id));
  item.append(make('p', '', text));
  return item;
}

function moveElement(move) {
  const kind = move === 'new' ? 'new' : move > 0 ? 'up' : move < 0 ? 'down' : 'same';
  const [sign, words] = {
    new: ['new', 'new'],
    up: ['▲ ' + move, 'up ' + move],
    down: ['▼ ' + -move, 'down ' + -move],
    same: ['=', 'not moved'],
  }[kind];
  const shown = make('span', '', sign);
  shown.setAttribute('aria-hidden', 'true');
  return make('span', 'move ' + kind, shown, make('span', 'for-screen-readers', words));
}

function thoughtElement(sample) {
  element('thoughts-section').hidden = false;
  const thoughts = element('thoughts');
  while (thoughts.children.length <= sample) thoughts.append(make('p', ''));
  return thoughts.children[sample];
}

function clear() {
  instantHits = [];
  for (const id of ['error', 'hits-section', 'thoughts-section', 'picture-section']) element(id).hidden = true;
  element('thoughts').replaceChildren();
  // A screen reader reads the thought when it is finished, not token by token.
  element('thoughts').setAttribute('aria-busy', 'true');
  say('Searching …');
}

function showError(error) {
  say('');
  element('error').hidden = false;
  element('error').textContent = error instanceof Problem ? error.message : 'Something went wrong: ' + error.message;
}

async function showModel() {
  const response = await fetch('/v1/models', { headers: headers() }).catch(() => undefined);
  if (!response?.ok) return;
  const [model] = (await response.json()).data;
  element('model').textContent = model.id;
  allowAuto(model.think.includes('auto'));
}

/** Whether to think can be left to the server only where it has a rule for that. */
function allowAuto(allowed) {
  const auto = form.elements.auto;
  auto.disabled = !allowed;
  element('no-auto').hidden = allowed;
  if (!allowed && auto.checked) form.elements.always.checked = true;
}

function make(name, className, ...content) {
  const made = document.createElement(name);
  made.className = className;
  made.append(...content);
  return made;
}

function say(text) {
  element('status').textContent = text;
}

function count(number, noun) {
  return number + ' ' + noun + (number === 1 ? '' : 's');
}

function milliseconds(ms) {
  return ms < 1000 ? Math.round(ms) + ' ms' : (ms / 1000).toFixed(2) + ' s';
}
`;
