import { InvalidInputError } from './errors.js';

/** Keys of endpoints: read from the environment, fit for a header, and taken out of everything that comes back. */

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

/** No provider's key is shorter. What is shorter is a placeholder for a local server, such as `ollama`: an ordinary word. */
const SHORTEST_SECRET = 12;

/** What is shorter stands within ordinary words, which would be torn: `x` in `expired`. No secret is so short. */
const SHORTEST_REDACTED = 4;

/** At most this much of a server's own words is repeated. */
const MOST_CHARACTERS = 300;

export interface Redactor {
  /** For what a server says of an error, which may repeat the key: on one line, and of a readable length. */
  message(text: string): string;
  /** For what a model has written: here a placeholder is an ordinary word, and stays. */
  answer(text: string): string;
}

/**
 * Takes a key, also as it stands in an address or in JSON, out of texts that come from outside. A placeholder of fewer than
 * four characters stays.
 */
export function redactor(key: string | undefined): Redactor {
  const isRedacted = key !== undefined && key.length >= SHORTEST_REDACTED;
  const forms = isRedacted ? [...new Set([key, encodeURIComponent(key), JSON.stringify(key).slice(1, -1)])] : [];
  const redact = (text: string) => forms.reduce((result, form) => result.replaceAll(form, '[API key]'), text);
  return {
    // Shortened afterwards: half a key would not be found.
    message: (text) => redact(text).replace(/\s+/g, ' ').slice(0, MOST_CHARACTERS),
    answer: key && key.length < SHORTEST_SECRET ? (text) => text : redact,
  };
}
