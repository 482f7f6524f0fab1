/** How far the fetching of one file has come. */
export interface FetchProgress {
  /** The file's name, without folders. */
  readonly file: string;
  /** Bytes done in this phase, those of an earlier, broken run included. */
  readonly receivedBytes: number;
  /** `undefined` where the source does not say. */
  readonly totalBytes: number | undefined;
  /** Over the last seconds, this run's bytes only. */
  readonly bytesPerSecond: number;
  /** `undefined` while there is no rate or no total. */
  readonly secondsLeft: number | undefined;
  /** From the network; hashing the file; out of an archive. */
  readonly phase: 'fetch' | 'verify' | 'unpack';
}

export type OnProgress = (progress: FetchProgress) => void;

/** Ten reports a second are as many as an eye can use. */
const REPORT_EVERY_MS = 100;
/** The rate is a mean over this time: long enough to be calm, short enough to follow a change. */
const RATE_WINDOW_MS = 5_000;

/** Turns byte counts into reports: the first and the last always, those between at most ten times a second. */
export class ProgressMeter {
  readonly #samples: { time: number; bytes: number }[] = [];
  #reported = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly file: string,
    private readonly phase: FetchProgress['phase'],
    private readonly totalBytes: number | undefined,
    private readonly report: OnProgress | undefined,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** `receivedBytes` so far; a smaller number than before means that the source began anew. */
  update(receivedBytes: number): void {
    if (this.report === undefined) return;
    const time = this.now();
    const done = receivedBytes === this.totalBytes;
    if (time - this.#reported < REPORT_EVERY_MS && !done) return;
    this.#reported = time;
    if (receivedBytes < (this.#samples.at(-1)?.bytes ?? 0)) this.#samples.length = 0;
    this.#samples.push({ time, bytes: receivedBytes });
    while (this.#samples.length > 2 && time - this.#samples[0]!.time > RATE_WINDOW_MS) this.#samples.shift();
    const first = this.#samples[0]!;
    const seconds = (time - first.time) / 1000;
    const bytesPerSecond = seconds > 0 ? (receivedBytes - first.bytes) / seconds : 0;
    const secondsLeft =
      this.totalBytes !== undefined && bytesPerSecond > 0
        ? Math.max(0, this.totalBytes - receivedBytes) / bytesPerSecond
        : undefined;
    const { file, phase, totalBytes } = this;
    this.report({ file, receivedBytes, totalBytes, bytesPerSecond, secondsLeft, phase });
  }
}
