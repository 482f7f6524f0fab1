import { type DocumentRecord, documentText, type RetrievalSet } from '../../search/index.js';

export interface Positive {
  readonly id: string;
  readonly text: string;
}

/** The relevant documents (grade 1 or more) of each query that are in the corpus, in the order of the judgements. */
export function positivesOf(set: RetrievalSet): Map<string, Positive[]> {
  const documents = new Map(set.documents.map((document): [string, DocumentRecord] => [document.id, document]));
  const byQuery = new Map<string, Positive[]>();
  for (const [queryId, grades] of set.qrels) {
    const positives = [...grades].flatMap(([id, grade]) => {
      const document = grade >= 1 ? documents.get(id) : undefined;
      return document ? [{ id, text: documentText(document) }] : [];
    });
    byQuery.set(queryId, positives);
  }
  return byQuery;
}
