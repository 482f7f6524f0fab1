import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { EmbeddingService, ServiceEvent } from '../service.js';

/** From an instant answer on an idle machine to one that waited behind many thoughts. */
const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** What `GET /metrics` shows, for Prometheus. Each app has its own. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #requests: Counter<'route' | 'status'>;
  readonly #requestSeconds: Histogram<'route'>;
  readonly #thinkingSeconds: Histogram;
  readonly #tokens: Counter<'kind'>;
  readonly #deadlineMisses: Counter;
  readonly #cache: Counter<'result'>;

  /** @param process whether to show this process's memory, time and event loop too. */
  constructor(service: Pick<EmbeddingService, 'status' | 'onRun'>, { process }: { readonly process: boolean }) {
    const registers = [this.#registry];
    const counter = <Label extends string = never>(name: string, help: string, labelNames: Label[] = []) =>
      new Counter({ name, help, labelNames, registers });
    this.#requests = counter('o1_requests_total', 'Requests answered.', ['route', 'status']);
    this.#requestSeconds = new Histogram({
      ...{ name: 'o1_request_seconds', help: 'From a request to its answer; of a stream, to its first event.' },
      ...{ labelNames: ['route'], buckets: SECONDS, registers },
    });
    this.#thinkingSeconds = new Histogram({
      ...{ name: 'o1_thinking_seconds', help: "From a query's instant vector to its last finished thought." },
      ...{ buckets: SECONDS, registers },
    });
    const runSeconds = new Histogram({
      ...{ name: 'o1_model_run_seconds', help: 'One run of the model: documents, prompts, or a step of all thoughts.' },
      ...{ labelNames: ['kind'], buckets: SECONDS, registers },
    });
    service.onRun?.(({ kind, milliseconds }) => runSeconds.observe({ kind }, milliseconds / 1000));
    this.#tokens = counter('o1_tokens_total', 'Tokens read (document, query) and written (thought).', ['kind']);
    this.#deadlineMisses = counter('o1_deadline_misses_total', 'Queries answered before all thoughts were finished.');
    this.#cache = counter('o1_thought_cache_total', 'Thinking queries by whether their thoughts were known.', [
      'result',
    ]);
    new Gauge({
      ...{ name: 'o1_waiting_requests', help: 'Requests that have been taken and not been begun.', registers },
      collect() {
        this.set(service.status?.().waiting ?? 0);
      },
    });
    new Gauge({
      ...{ name: 'o1_thoughts_in_progress', help: 'Thoughts being written.', registers },
      collect() {
        this.set(service.status?.().thinking ?? 0);
      },
    });
    if (process) collectDefaultMetrics({ register: this.#registry });
  }

  request(route: string, status: number, milliseconds: number): void {
    this.#requests.inc({ route, status: String(status) });
    this.#requestSeconds.observe({ route }, milliseconds / 1000);
  }

  documentTokens(count: number): void {
    this.#tokens.inc({ kind: 'document' }, count);
  }

  answer({ usage, cached, deadlineReached, thoughts, timings }: Extract<ServiceEvent, { type: 'final' }>): void {
    if (deadlineReached) this.#deadlineMisses.inc();
    if (cached) {
      this.#cache.inc({ result: 'hit' });
      return;
    }
    this.#tokens.inc({ kind: 'query' }, usage.promptTokens);
    this.#tokens.inc({ kind: 'thought' }, usage.thoughtTokens);
    if (!thoughts.some(({ finishReason }) => finishReason !== 'given')) return;
    this.#cache.inc({ result: 'miss' });
    this.#thinkingSeconds.observe(timings.thinkMs / 1000);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }
}
