import { InvalidInputError } from '../errors.js';

/** No provider's key is shorter. What is shorter is a placeholder for a local server, such as `ollama`: an ordinary word. */
const SHORTEST_SECRET = 12;

/**
 * Reads a key from an environment variable that the user names. Messages never hold the value, nor what may be a key that
 * was given instead of a name.
 */
export function apiKeyFromEnvironment(variable: string, environment: NodeJS.ProcessEnv): string {
  const name = /^[A-Z][A-Z0-9_]*$/.test(variable) ? `"${variable}"` : 'that was named';
  const key = environment[variable]?.trim();
  if (!key) {
    throw new InvalidInputError(`the environment variable ${name} for the API key is not set.`, {
      hint: 'Give the name of a variable, not the key, and export the key in it.',
    });
  }
  assertKey(key, `environment variable ${name}`);
  return key;
}

/** @throws InvalidInputError for a key that no HTTP header can carry: its own error would print the key. */
export function assertKey(key: string, where: string): void {
  if (!/^[\x21-\x7e]+$/.test(key)) {
    throw new InvalidInputError('the API key has a space, a line break or a character beyond ASCII in it.', { where });
  }
}

/** Takes a key out of texts that come from outside: servers repeat it in their messages. */
export function redactor(key: string | undefined): (text: string) => string {
  if (key === undefined || key.length < SHORTEST_SECRET) return (text) => text;
  const forms = [...new Set([key, encodeURIComponent(key), JSON.stringify(key).slice(1, -1)])];
  return (text) => forms.reduce((result, form) => result.replaceAll(form, '[API key]'), text);
}
