import type { AutoRule } from '../../embedder/index.js';
import { Bm25, documentText } from '../../search/index.js';
import { type GatheredSet, judgedOf, type SplitName } from '../gather.js';
import type { BaseSystem, O1System } from './system-name.js';
import { autoRun, bm25Run, denseRun, instantRun, type SystemRun, signalsOf, thinkingRun } from './system-run.js';

/** What was chosen before anything is scored. */
export interface O1Choices {
  readonly instantWeight: number;
  readonly rule?: AutoRule | undefined;
}

/** Runs of a set's unfused systems by split. Each is made once and kept: `auto` and fusion are made of others. */
export class Runner {
  readonly #gathered: GatheredSet;
  readonly #choices: O1Choices;
  readonly #bm25: Bm25;
  readonly #runs = new Map<string, SystemRun | undefined>();

  constructor(gathered: GatheredSet, choices: O1Choices) {
    this.#gathered = gathered;
    this.#choices = choices;
    this.#bm25 = new Bm25(gathered.set.documents.map((record) => ({ id: record.id, text: documentText(record) })));
  }

  /** `undefined` where the system cannot be measured on this split. */
  run(system: BaseSystem, split: SplitName): SystemRun | undefined {
    const key = `${system} ${split}`;
    if (!this.#runs.has(key)) this.#runs.set(key, this.#make(system, split));
    return this.#runs.get(key);
  }

  /** The run that `auto` gives for the queries that it thinks about. */
  always(split: SplitName): SystemRun | undefined {
    return this.#thinking('o1:auto', split);
  }

  #make(system: BaseSystem, split: SplitName): SystemRun | undefined {
    if (system === 'bm25') return bm25Run(this.#bm25, this.#texts(split));
    if (system === 'o1:never') return this.#instant(split);
    if (system === 'o1:auto') return this.#auto(split);
    if (system === 'o1:k1' || system === 'o1:k3' || system === 'o1:expert') return this.#thinking(system, split);
    const encoder = this.#gathered.encoders.get(system);
    const queries = encoder?.queries[split];
    return encoder && queries && denseRun(encoder.matrix, queries.vectors, queries.ms);
  }

  #instant(split: SplitName): SystemRun | undefined {
    const [o1, records] = [this.#gathered.o1, this.#records('o1:never', split)];
    return o1 && records && instantRun(o1.matrix, records);
  }

  #thinking(system: O1System, split: SplitName): SystemRun | undefined {
    const [o1, records] = [this.#gathered.o1, this.#records(system, split)];
    return o1 && records && thinkingRun(o1.matrix, records, this.#choices.instantWeight);
  }

  #auto(split: SplitName): SystemRun | undefined {
    const { rule } = this.#choices;
    const [instant, always, records] = [
      this.run('o1:never', split),
      this.always(split),
      this.#records('o1:auto', split),
    ];
    return rule && instant && always && records && autoRun(rule, signalsOf(records, instant), instant, always);
  }

  #records(system: O1System, split: SplitName) {
    return this.#gathered.o1?.passes.get(system)?.[split];
  }

  #texts(split: SplitName): string[] {
    return judgedOf(this.#gathered.set, split).queries.map(({ text }) => text);
  }
}
