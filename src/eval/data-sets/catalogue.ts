/** A data set by name: where to get it, and what it must hold. */
export interface CatalogueEntry {
  readonly name: string;
  readonly title: string;
  /** Judgements that are reported. */
  readonly split: string;
  /** Judgements that choices are made on, where the set has them. */
  readonly devSplit?: string;
  /** Published counts, checked when the set is loaded. Judgements include those of grade 0. */
  readonly counts: { readonly documents: number; readonly queries: number; readonly judgements: number };
  readonly relevantFrom?: number;
  /** Where to get it and how to lay it out. */
  readonly source: string;
  /** Folder of `data/` where it comes with the package. */
  readonly bundled?: string;
  /** Files of `data/expert/` with an external expert's thoughts. */
  readonly expert?: readonly string[];
  /** Splits that training may have seen: the queries of the reported split that share no answer with them are a slice. */
  readonly trainedOn?: readonly string[];
}

const beir = (name: string) =>
  `https://public.ukp.informatik.tu-darmstadt.de/thakur/BEIR/datasets/${name}.zip, unpacked`;

/**
 * The data sets of the paper, and Node API. Counts: BEIR's table of data sets and ir_datasets' catalogue; those of the bundled
 * ones are their README's.
 */
export const CATALOGUE: readonly CatalogueEntry[] = [
  {
    name: 'node-api',
    title: 'Node API by intent',
    bundled: 'node-api',
    split: 'test',
    devSplit: 'dev',
    counts: { documents: 2092, queries: 200, judgements: 233 },
    source: 'comes with the repository',
    expert: ['node-api.eval.jsonl.gz'],
  },
  {
    name: 'scifact',
    title: 'SciFact',
    bundled: 'scifact',
    split: 'test',
    devSplit: 'dev',
    counts: { documents: 5183, queries: 300, judgements: 339 },
    source: 'comes with the repository',
    expert: ['scifact.test.jsonl.gz', 'scifact.train.jsonl.gz'],
    trainedOn: ['train', 'dev'],
  },
  {
    name: 'cosqa',
    title: 'CoSQA',
    bundled: 'cosqa',
    split: 'test',
    counts: { documents: 6267, queries: 500, judgements: 500 },
    source: 'comes with the repository',
  },
  {
    name: 'msmarco',
    title: 'MS MARCO passages, dev',
    split: 'dev',
    counts: { documents: 8_841_823, queries: 6980, judgements: 7437 },
    source: beir('msmarco'),
  },
  {
    name: 'dl19',
    title: 'TREC Deep Learning 2019, passages',
    split: 'test',
    relevantFrom: 2,
    counts: { documents: 8_841_823, queries: 43, judgements: 9260 },
    source: `${beir('msmarco')} (its qrels/test.tsv is DL19)`,
  },
  {
    name: 'dl20',
    title: 'TREC Deep Learning 2020, passages',
    split: 'dl20',
    relevantFrom: 2,
    counts: { documents: 8_841_823, queries: 54, judgements: 11_386 },
    source:
      `${beir('msmarco')}; the judgements https://trec.nist.gov/data/deep/2020qrels-pass.txt as qrels/dl20.tsv (query, document, grade, ` +
      'separated by tabs) and the topics msmarco-test2020-queries.tsv appended to queries.jsonl',
  },
  {
    name: 'fiqa',
    title: 'FiQA-2018',
    split: 'test',
    devSplit: 'dev',
    counts: { documents: 57_638, queries: 648, judgements: 1706 },
    source: beir('fiqa'),
  },
  {
    name: 'nfcorpus',
    title: 'NFCorpus',
    split: 'test',
    devSplit: 'dev',
    counts: { documents: 3633, queries: 323, judgements: 12_334 },
    source: beir('nfcorpus'),
  },
  {
    name: 'scidocs',
    title: 'SCIDOCS',
    split: 'test',
    counts: { documents: 25_657, queries: 1000, judgements: 29_928 },
    source: beir('scidocs'),
  },
  {
    name: 'trec-covid',
    title: 'TREC-COVID',
    split: 'test',
    counts: { documents: 171_332, queries: 50, judgements: 66_336 },
    source: beir('trec-covid'),
  },
  {
    name: 'touche2020',
    title: 'Touché-2020',
    split: 'test',
    counts: { documents: 382_545, queries: 49, judgements: 2214 },
    source: beir('webis-touche2020'),
  },
  {
    name: 'dbpedia',
    title: 'DBpedia-Entity',
    split: 'test',
    devSplit: 'dev',
    counts: { documents: 4_635_922, queries: 400, judgements: 43_515 },
    source: beir('dbpedia-entity'),
  },
  {
    name: 'nq',
    title: 'Natural Questions',
    split: 'test',
    counts: { documents: 2_681_468, queries: 3452, judgements: 4201 },
    source: beir('nq'),
  },
  {
    name: 'hotpotqa',
    title: 'HotpotQA',
    split: 'test',
    devSplit: 'dev',
    counts: { documents: 5_233_329, queries: 7405, judgements: 14_810 },
    source: beir('hotpotqa'),
  },
  {
    name: 'fever',
    title: 'FEVER',
    split: 'test',
    devSplit: 'dev',
    counts: { documents: 5_416_568, queries: 6666, judgements: 7937 },
    source: beir('fever'),
  },
];

/** The suites that `eval --suite` names. */
export const SUITES: Readonly<Record<string, readonly string[]>> = { small: ['node-api', 'scifact', 'cosqa'] };
