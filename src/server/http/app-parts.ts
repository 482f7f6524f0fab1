import type { Logger } from 'pino';
import type { EmbeddingService } from '../service.js';
import type { SearchableStore } from './answers.js';
import type { Metrics } from './metrics.js';

/** What the routes share. */
export interface AppParts {
  readonly service: EmbeddingService;
  readonly store: SearchableStore | undefined;
  readonly metrics: Metrics;
  readonly log: Logger | undefined;
}

/** What a route leaves for the log. */
export interface AppEnv {
  Variables: {
    /** Texts of queries, written to the log only where that is asked for. */
    queries?: readonly string[];
  };
}
