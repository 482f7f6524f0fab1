/** The playground's style: one column on a phone, two where there is room; colours as the visitor's system has them. */
export const STYLE = `:root {
  color-scheme: light dark;
  --text: #1d2126;
  --quiet: #59626d;
  --ground: #fbfaf8;
  --panel: #ffffff;
  --edge: #d5d9de;
  --accent: #b4471f;
  --up: #1b7a3d;
  --down: #6b5b00;
  --document: #2f5f9e;
}
@media (prefers-color-scheme: dark) {
  :root {
    --text: #e6e8eb;
    --quiet: #a2abb6;
    --ground: #15181c;
    --panel: #1d2126;
    --edge: #3a424c;
    --accent: #ff9166;
    --up: #6fd58f;
    --down: #e0c95a;
    --document: #8ab6f0;
  }
}
* { box-sizing: border-box; }
input, button { font: inherit; color: inherit; }
body {
  margin: 0 auto;
  max-width: 70rem;
  padding: 0 1rem 3rem;
  background: var(--ground);
  color: var(--text);
  font: 1rem/1.5 system-ui, sans-serif;
}
header { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0 1rem; padding-top: 1rem; }
h1 { margin: 0; font-size: 1.4rem; }
h2 { margin: 1.5rem 0 .5rem; font-size: 1.05rem; }
header p { margin: 0; color: var(--quiet); overflow-wrap: anywhere; }
form { display: grid; gap: .75rem; margin-top: 1rem; }
form > label:first-child { font-weight: 600; }
.line { display: flex; gap: .5rem; }
.line input { flex: 1; min-width: 0; }
.settings { display: flex; flex-wrap: wrap; align-items: center; gap: .5rem 1.5rem; }
fieldset { display: flex; flex-wrap: wrap; gap: .25rem 1rem; margin: 0; padding: 0; border: 0; }
legend { float: left; padding: 0; }
#no-auto { color: var(--quiet); }
label:has(:disabled) { opacity: .6; }
input[type='search'], input[type='number'], input[type='password'] {
  padding: .5rem .6rem;
  border: 1px solid var(--edge);
  border-radius: .4rem;
  background: var(--panel);
}
input[type='number'] { width: 6.5rem; }
input[type='radio'] { accent-color: var(--accent); }
button { padding: .5rem 1rem; border: 1px solid var(--accent); border-radius: .4rem; background: none; cursor: pointer; }
button[type='submit'] { background: var(--accent); color: var(--ground); font-weight: 600; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
#status { min-height: 1.5em; margin: .75rem 0 0; color: var(--quiet); }
#error { margin: .75rem 0 0; padding: .6rem .8rem; border-left: 4px solid var(--accent); background: var(--panel); }
.columns { display: grid; grid-template-columns: minmax(0, 1fr); gap: 0 2rem; }
@media (min-width: 50rem) {
  /* Hits on the left; on the right the thought, and the picture below it. */
  .columns { grid-template: auto 1fr / minmax(0, 3fr) minmax(0, 2fr); }
  #hits-section { grid-area: 1 / 1 / span 2; }
  #thoughts-section, #picture-section { grid-column: 2; }
}
#thoughts p { margin: 0 0 .5rem; padding: .6rem .8rem; border-left: 4px solid var(--accent); background: var(--panel); overflow-wrap: anywhere; }
#thoughts[aria-busy='true'] p::after { content: '▍'; color: var(--accent); }
#hits { margin: 0; padding: 0; list-style: none; counter-reset: rank; }
#hits li { counter-increment: rank; padding: .6rem 0; border-top: 1px solid var(--edge); }
#hits h3 { display: flex; gap: .5rem; align-items: baseline; margin: 0; font-size: 1rem; overflow-wrap: anywhere; }
#hits h3::before { content: counter(rank) '.'; color: var(--quiet); min-width: 1.75rem; }
#hits .title { flex: 1; min-width: 0; }
#hits .score { color: var(--quiet); font-weight: 400; font-variant-numeric: tabular-nums; }
#hits p { margin: .25rem 0 0 2.25rem; overflow-wrap: anywhere; display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 4; overflow: hidden; }
#hits .id { color: var(--quiet); font-size: .85rem; }
.move { font-weight: 400; font-size: .9rem; white-space: nowrap; }
.move.up, .move.new { color: var(--up); }
.move.down { color: var(--down); }
.move.same { color: var(--quiet); }
.for-screen-readers { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
figure { margin: 0; }
#picture { display: block; width: 100%; height: auto; border: 1px solid var(--edge); border-radius: .4rem; background: var(--panel); }
#picture .document circle { fill: var(--panel); stroke: var(--document); stroke-width: 1.5; }
#picture text { fill: var(--text); font-size: 11px; text-anchor: middle; dominant-baseline: central; }
#picture .instant { fill: var(--panel); stroke: var(--accent); stroke-width: 2.5; }
#picture .final, #picture .tip { fill: var(--accent); }
#picture .arrow { stroke: var(--accent); stroke-width: 2.5; }
figcaption { display: flex; flex-wrap: wrap; gap: .1rem 1rem; margin-top: .4rem; color: var(--quiet); font-size: .85rem; }
.key::before { content: ''; display: inline-block; width: .7em; height: .7em; margin-right: .4em; border: 2px solid var(--accent); border-radius: 50%; }
.key.document::before { border-color: var(--document); }
.key.final::before { background: var(--accent); }
`;
