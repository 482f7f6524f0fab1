/**
 * Synthesis: a corpus, or queries and their positives, become training data for a thinking embedder.
 *
 * An expert (any chat model) explores: it writes queries for documents, and candidate thoughts for queries. A committee of
 * retrievers refines, and finds hard negatives. Every stage resumes from a journal. The room knows nothing of training.
 */
export { contentKey } from './content-key.js';
export { Journal } from './journal.js';
