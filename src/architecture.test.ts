import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const SRC = dirname(fileURLToPath(import.meta.url));

/** The rooms from top to bottom: a file may import from its own room and from rooms further down. */
const ROOMS = [
  'cli',
  'server',
  'clients',
  'eval',
  'train',
  'synth',
  'search',
  'embedder',
  'encoders',
  'llm',
  'decoder',
  'models',
  'tensor',
  'metrics',
];

/** Which room may import which library: the libraries most likely to change stand behind one door each. */
const DOORS: Record<string, string[]> = {
  'onnxruntime-node': ['tensor'],
  protobufjs: ['tensor'],
  '@lancedb/lancedb': ['search'],
  'apache-arrow': ['search'],
  '@huggingface/tokenizers': ['decoder'],
  '@huggingface/hub': ['models'],
  commander: ['cli'],
  'cli-progress': ['cli'],
  ai: ['llm'],
  '@ai-sdk/openai-compatible': ['llm'],
  '@huggingface/transformers': ['encoders'],
  hono: ['server'],
  '@hono/node-server': ['server'],
  'prom-client': ['server'],
  '@modelcontextprotocol/sdk': ['server'],
  '@ai-sdk/provider': ['clients'],
  '@langchain/core': ['clients'],
};

interface Import {
  file: string;
  specifier: string;
}

function sources(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) return sources(path);
    return name.endsWith('.ts') ? [path] : [];
  });
}

function imports(): Import[] {
  return sources(SRC).flatMap((file) => {
    const text = readFileSync(file, 'utf8');
    const found = text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g);
    return [...found].map((match) => ({ file, specifier: match[1]! }));
  });
}

const roomOf = (path: string) => relative(SRC, path).split(sep)[0]!;

test('imports between rooms point downward only', () => {
  const wrong = imports()
    .filter(({ specifier }) => specifier.startsWith('.'))
    .flatMap(({ file, specifier }) => {
      const from = roomOf(file);
      const to = roomOf(resolve(dirname(file), specifier));
      const [a, b] = [ROOMS.indexOf(from), ROOMS.indexOf(to)];
      // Files beside the rooms (index.ts, errors.ts) and the public fakes see everything; tests may use the fakes.
      if (a < 0 || (b < 0 && (to !== 'testing' || file.endsWith('.test.ts')))) return [];
      return b >= a ? [] : [`${relative(SRC, file)} imports ${specifier}`];
    });
  expect(wrong).toEqual([]);
});

test('another room is entered through its door', () => {
  const wrong = imports()
    .filter(({ file, specifier }) => specifier.startsWith('.') && !file.endsWith('.test.ts'))
    .flatMap(({ file, specifier }) => {
      const target = resolve(dirname(file), specifier);
      const inside = relative(SRC, target).split(sep);
      if (roomOf(file) === inside[0] || inside.length === 1) return [];
      return inside.length === 2 && inside[1] === 'index.js' ? [] : [`${relative(SRC, file)} imports ${specifier}`];
    });
  expect(wrong).toEqual([]);
});

test('each library that may change stands behind one room', () => {
  const wrong = imports().flatMap(({ file, specifier }) => {
    const rooms = DOORS[specifier];
    return rooms && !rooms.includes(roomOf(file)) ? [`${relative(SRC, file)} imports ${specifier}`] : [];
  });
  expect(wrong).toEqual([]);
});
