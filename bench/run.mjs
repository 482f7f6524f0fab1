/**
 * `npm run bench`                 lists the benches
 * `npm run bench -- NAME [...]`   runs them; `all` stands for every bench that takes at most a few minutes
 * `--json`                        one object a line for every row, notes on stderr
 * `--minutes N`                   how long `serve-mixed` runs
 *
 * Peers are installed by `node bench/peers.mjs install`; without them a bench prints our figures alone.
 */
import { parseArgs } from 'node:util';
import { Report } from './lib/report.mjs';
import { settings } from './lib/settings.mjs';
import { table } from './lib/table.mjs';

/**
 * `run` is loaded only when asked for: a bench of one thing does not need all the others to load.
 * @typedef {object} Bench
 * @property {string} about
 * @property {boolean} [onlyByName] not part of `all`
 * @property {() => Promise<{ run: (report: Report) => Promise<void> }>} load
 */

/** @type {Record<string, Bench>} */
const benches = {
  decode: {
    about: 'one sequence in int4, against node-llama-cpp on the same GGUF file and the memory-bandwidth bound',
    load: () => import('./cases/decode.mjs'),
  },
  'three-thoughts': {
    about: 'a query with three thoughts of 64 tokens each, against the same query with one',
    load: () => import('./cases/three-thoughts.mjs'),
  },
  documents: {
    about: 'document embedding in fp32, int8 and int4, against transformers in PyTorch fp32',
    load: () => import('./cases/documents.mjs'),
  },
  'final-vector': {
    about: 'the final vector after thoughts of 16 and 64 tokens and of the longest length allowed, in decode steps',
    load: () => import('./cases/final-vector.mjs'),
  },
  query: {
    about: 'a query with a thought of 64 tokens, end to end, against transformers generate + encode again',
    load: () => import('./cases/query.mjs'),
  },
  memory: {
    about: 'peak resident memory of one thinking query in int4 and int8, against transformers in fp32',
    load: () => import('./cases/memory.mjs'),
  },
  'train-step': {
    about: 'the joint training step, time and memory, against PEFT and a plain PyTorch program (runs only when named)',
    onlyByName: true,
    load: () => import('./cases/train-step.mjs'),
  },
  serve: {
    about:
      'the server with eight clients that think: thoughts a second, p99 of instant answers, deadlines (runs only when named)',
    onlyByName: true,
    load: () => import('./cases/serve.mjs'),
  },
  'serve-mixed': {
    about:
      'the server under mixed load at twice its capacity for --minutes (default 10): refusals, memory (runs only when named)',
    onlyByName: true,
    load: async () => {
      const { run } = await import('./cases/serve-mixed.mjs');
      const minutes = values.minutes === undefined ? undefined : Number(values.minutes);
      return { run: (report) => run(report, { minutes }) };
    },
  },
  committee: {
    about: 'a committee on the train queries of SciFact and Node API: vote, negatives, minutes (runs only when named)',
    onlyByName: true,
    load: () => import('./cases/committee.mjs'),
  },
  names: {
    about:
      "how often the default adapter's thoughts name a Node API member that answers, train and dev (runs only when named)",
    onlyByName: true,
    load: () => import('./cases/names.mjs'),
  },
  thinking: {
    about: 'ways to think on the dev queries of Node API and SciFact (minutes: runs only when named)',
    onlyByName: true,
    load: () => import('./cases/thinking.mjs'),
  },
  modes: {
    about: 'nDCG@10 in int8 and int4 against fp32 (minutes: runs only when named)',
    onlyByName: true,
    load: () => import('./cases/modes.mjs'),
  },
  demo: {
    about: 'wall time of the demo with the model already fetched (minutes: runs only when named)',
    onlyByName: true,
    load: () => import('./cases/demo.mjs'),
  },
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'boolean', default: false }, minutes: { type: 'string' } },
});

if (positionals.length === 0) {
  console.log(
    table(
      ['bench', 'what it measures'],
      Object.entries(benches).map(([name, { about }]) => [name, about]),
    ),
  );
  console.log('\nnpm run bench -- NAME [--json], or "all"');
} else {
  await runNamed(positionals);
}

/** @param {readonly string[]} names */
async function runNamed(names) {
  for (const name of names) {
    if (name !== 'all' && !(name in benches)) {
      console.error(`There is no bench "${name}"; there are ${Object.keys(benches).join(', ')}, and "all".`);
      process.exitCode = 1;
      return;
    }
  }
  const all = names.includes('all');
  for (const line of settings()) (values.json ? console.error : console.log)(line);
  for (const [name, { onlyByName, load }] of Object.entries(benches)) {
    if (!names.includes(name) && !(all && !onlyByName)) continue;
    const report = new Report(name, values.json);
    const { run } = await load();
    await run(report);
    report.finish();
  }
}
