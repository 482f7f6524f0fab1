import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { apiKeyFromEnvironment, redactor } from './api-key.js';
import { endpointUrl } from './endpoint-url.js';

const KEY = 'sk-test-0123456789abcdef-SECRET';

test('a key comes from the variable that is named; no message holds it', () => {
  const environment = { EXPERT_KEY: ` ${KEY}\n`, BAD_KEY: 'sk-two words' };
  expect(apiKeyFromEnvironment('EXPERT_KEY', environment)).toBe(KEY);
  expect(() => apiKeyFromEnvironment('OTHER_KEY', environment)).toThrow(/variable "OTHER_KEY" .* is not set/);
  // The second was given instead of a name.
  for (const variable of ['BAD_KEY', KEY]) {
    let message = '';
    try {
      apiKeyFromEnvironment(variable, environment);
    } catch (error) {
      message = inspect(error);
    }
    expect(message).toMatch(/InvalidInputError/);
    expect(message).not.toMatch(/sk-/);
  }
});

test('a key goes out of every text, in each form; a placeholder only out of messages', () => {
  const key = 'a+b/"c"-0123456789';
  const text = `${key} ${encodeURIComponent(key)} ${JSON.stringify({ key })}`;
  const { message, answer } = redactor(key);
  for (const redact of [message, answer]) {
    expect(redact(text)).toBe('[API key] [API key] {"key":"[API key]"}');
  }
  expect(redactor('ollama').message('invalid key: ollama')).toBe('invalid key: [API key]');
  expect(redactor('ollama').answer('Start ollama first.')).toBe('Start ollama first.');
  expect(redactor('none').message('invalid key: none')).toBe('invalid key: [API key]');
  expect(redactor('x').message('the key x has expired')).toBe('the key x has expired');
  expect(redactor(undefined).message('any\n thing')).toBe('any thing');
  // A key at the end of what is repeated is not cut in two.
  expect(redactor(key).message(`${'x'.repeat(295)}${key}`)).toBe(`${'x'.repeat(295)}[API `);
});

test('an address without secrets, and without slashes at its end', () => {
  expect(endpointUrl('http://127.0.0.1:8080/v1//')).toBe('http://127.0.0.1:8080/v1');
  for (const bad of [
    'host',
    'ftp://host/v1',
    'https://user:secret@host/v1',
    'http://secret@host',
    'http://:secret@host',
    'https://host/v1?key=secret',
    'https://host/v1#secret',
    'https://host/v1?',
    'https://host/v1/#',
  ]) {
    expect(() => endpointUrl(bad)).toThrow(/^(?!.*secret).*http\(s\) address.*without password or parameters/);
  }
});
