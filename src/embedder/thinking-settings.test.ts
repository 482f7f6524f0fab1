import { expect, test } from 'vitest';
import { tinyEmbedder } from '../testing/index.js';
import type { O1Settings } from './settings.js';
import { thinkingSettings } from './thinking-settings.js';

const { settings } = await tinyEmbedder();
const adapter = (thinking: Partial<O1Settings['thinking']>): O1Settings => ({
  ...settings,
  thinking: { ...settings.thinking, ...thinking },
});

test('what the caller leaves open comes from the adapter', () => {
  const shortAndDoubtful = adapter({ maxTokens: 3, instantWeight: 0.5 });
  expect(thinkingSettings({}, shortAndDoubtful)).toMatchObject({ maxTokens: 3, instantWeight: 0.5 });
  expect(thinkingSettings({ maxTokens: 4, instantWeight: 0 }, shortAndDoubtful)).toMatchObject({
    maxTokens: 4,
    instantWeight: 0,
  });
  expect(thinkingSettings({}, adapter({}))).toMatchObject({ maxTokens: settings.lengths.thought, instantWeight: 0 });
});

test("how far an adapter's own thoughts are to be trusted says nothing of a given thought", () => {
  const doubtful = adapter({ instantWeight: 0.5 });
  expect(thinkingSettings({ thought: 'fs.watch' }, doubtful).instantWeight).toBe(0);
  expect(thinkingSettings({ thought: 'fs.watch', instantWeight: 0.25 }, doubtful).instantWeight).toBe(0.25);
});
