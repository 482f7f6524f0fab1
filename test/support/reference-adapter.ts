import { fileURLToPath } from 'node:url';

/** The adapter that a PyTorch program of the method trained: what the parity fixtures were computed with. */
export const REFERENCE_ADAPTER = fileURLToPath(new URL('../fixtures/adapters/node-api-reference', import.meta.url));
