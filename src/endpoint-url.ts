import { InvalidInputError } from './errors.js';

/**
 * The root of an endpoint's API, such as `http://127.0.0.1:8080/v1`, without slashes at its end.
 *
 * @throws InvalidInputError for another scheme, and where it has a user, a password, parameters or a fragment: addresses stand in
 *   records and errors. It is not repeated, for it may hold a key.
 */
export function endpointUrl(text: string, where?: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  // A bare `?` or `#` is no parameter yet, but the paths that are put behind the address would be.
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password || /[?#]/.test(text)) {
    throw new InvalidInputError(
      'expected an http(s) address, such as http://127.0.0.1:8080/v1, without password or parameters.',
      {
        ...(where === undefined ? {} : { where }),
        hint: 'A key belongs into an environment variable.',
      },
    );
  }
  return text.replace(/\/+$/, '');
}
