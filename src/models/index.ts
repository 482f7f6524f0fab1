/**
 * Named models: find, fetch, verify, cache. This room does not know what a model is used for.
 */
export type { ModelFiles } from './model-files.js';
