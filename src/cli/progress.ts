import progress from 'cli-progress';
import { formatBytes, formatCount, formatSeconds } from './format.js';
import { Pace } from './pace.js';

/** Where progress is shown: `process.stderr`, or what a test gives. */
export interface ProgressOutput {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

export interface TaskUpdate {
  readonly done: number;
  /** `undefined` where nobody knows. */
  readonly total: number | undefined;
  /** The part of `done` that took work in this run, for the rate. Default: all. */
  readonly worked?: number;
}

/** How amounts of work are written. */
export interface Unit {
  /** `512 of 2,092 documents` */
  readonly amount: (done: number, total: number | undefined) => string;
  /** `14 documents/s` */
  readonly rate: (perSecond: number) => string;
}

/** Things that are counted one by one. */
export const counted = (nouns: string): Unit => ({
  amount: (done, total) => `${formatCount(done)}${total === undefined ? '' : ` of ${formatCount(total)}`} ${nouns}`,
  rate: (perSecond) => `${perSecond < 10 ? perSecond.toFixed(1) : formatCount(perSecond)} ${nouns}/s`,
});

/** Bytes of a file. */
export const byteCount: Unit = {
  amount: (done, total) => `${formatBytes(done)}${total === undefined ? '' : ` of ${formatBytes(total)}`}`,
  rate: (perSecond) => `${formatBytes(Math.round(perSecond))}/s`,
};

/** Without a terminal: no line before this, and then one at this interval. Work that is over sooner says nothing. */
const FIRST_LINE_MS = 2_000;
const LINE_EVERY_MS = 5_000;

/** A long piece of work that is being shown. Call `stop` in any case. */
export interface Task {
  update(update: TaskUpdate): void;
  stop(): void;
}

/** Shows how far a piece of work has come: a bar with rate and time left on a terminal, else a line now and then. */
export function startTask(output: ProgressOutput, label: string, unit: Unit): Task {
  return output.isTTY ? barTask(output as NodeJS.WriteStream, label, unit) : lineTask(output, label, unit);
}

/** Amounts, rate and time left, in words. */
function describe({ done, total }: TaskUpdate, unit: Unit, pace: Pace): string {
  const rate = pace.perSecond;
  return [
    unit.amount(done, total),
    ...(rate === undefined ? [] : [unit.rate(rate)]),
    ...(rate === undefined || total === undefined ? [] : [`${formatSeconds((total - done) / rate)} left`]),
  ].join(', ');
}

function lineTask(output: ProgressOutput, label: string, unit: Unit): Task {
  const pace = new Pace();
  const start = performance.now();
  let next = start + FIRST_LINE_MS;
  return {
    update(update) {
      const now = performance.now();
      pace.add(now, update.worked ?? update.done);
      if (now < next) return;
      next = now + LINE_EVERY_MS;
      output.write(`${label}: ${describe(update, unit, pace)}\n`);
    },
    stop() {},
  };
}

function barTask(output: NodeJS.WriteStream, label: string, unit: Unit): Task {
  const pace = new Pace();
  const bar = new progress.SingleBar({
    stream: output,
    format: `${label} [{bar}] {words}`,
    barsize: 24,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    hideCursor: true,
    clearOnComplete: true,
    // The program stops by its own signal handler, and `stop` puts the terminal right.
    gracefulExit: false,
  });
  let started = false;
  return {
    update(update) {
      pace.add(performance.now(), update.worked ?? update.done);
      const words = describe(update, unit, pace);
      // Without a total the bar stays empty.
      const total = update.total ?? Number.POSITIVE_INFINITY;
      if (!started) bar.start(total, update.done, { words });
      started = true;
      bar.setTotal(total);
      bar.update(update.done, { words });
    },
    stop() {
      if (started) bar.stop();
    },
  };
}
