import type { AutoRule } from '../../embedder/index.js';
import { Bm25, documentText } from '../../search/index.js';
import { type GatheredSet, judgedOf, type SplitName } from '../gather.js';
import type { BaseSystem } from './system-name.js';
import { autoRun, bm25Run, denseRun, instantRun, type SystemRun, signalsOf, thinkingRun } from './system-run.js';
import type { PassSystem } from './thinking-passes.js';

/** A thought that somebody else gives is trusted as it is: so does the embedder, where its caller does not say otherwise. */
const EXPERT_INSTANT_WEIGHT = 0;

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

  #make(system: BaseSystem, split: SplitName): SystemRun | undefined {
    if (system === 'bm25') return bm25Run(this.#bm25, this.#texts(split));
    if (system === 'o1:never') return this.#instant(split);
    if (system === 'o1:auto') return this.#auto(split);
    if (system === 'o1:expert') return this.#thinking(system, split, EXPERT_INSTANT_WEIGHT);
    if (system === 'o1:k1' || system === 'o1:k3' || system === 'o1:always') {
      return this.#thinking(system, split, this.#choices.instantWeight);
    }
    const encoder = this.#gathered.encoders.get(system);
    const queries = encoder?.queries[split];
    return encoder && queries && denseRun(encoder.matrix, queries.vectors, queries.ms);
  }

  #instant(split: SplitName): SystemRun | undefined {
    const [o1, records] = [this.#gathered.o1, this.#records('o1:never', split)];
    return o1 && records && instantRun(o1.matrix, records);
  }

  #thinking(system: PassSystem, split: SplitName, instantWeight: number): SystemRun | undefined {
    const [o1, records] = [this.#gathered.o1, this.#records(system, split)];
    return o1 && records && thinkingRun(o1.matrix, records, instantWeight);
  }

  #auto(split: SplitName): SystemRun | undefined {
    const { rule } = this.#choices;
    const [instant, always, records] = [
      this.run('o1:never', split),
      this.run('o1:always', split),
      this.#records('o1:always', split),
    ];
    if (!rule || !instant || !always || !records) return undefined;
    const prefills = this.#records('o1:never', split)!;
    const searchMs = rule.signal === 'margin' ? instant.ms.map((ms, i) => ms - prefills[i]!.prefillMs) : [];
    return autoRun(rule, signalsOf(records, instant), instant, always, searchMs);
  }

  #records(system: PassSystem, split: SplitName) {
    return this.#gathered.o1?.passes.get(system)?.[split];
  }

  #texts(split: SplitName): string[] {
    return judgedOf(this.#gathered.set, split).queries.map(({ text }) => text);
  }
}
