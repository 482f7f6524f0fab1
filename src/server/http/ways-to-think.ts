import type { AppParts } from './app-parts.js';

/**
 * How the model can be asked, and what it does where a request does not say: the adapter's choice. Where that is a rule of the
 * margin and there are no documents to search, it always thinks: who does not say has asked for thoughts, and gets one.
 */
export function waysToThink({ service, store }: Pick<AppParts, 'service' | 'store'>) {
  const { auto, think } = service.settings.thinking;
  // A rule of the margin goes by what a search finds.
  const hasAuto = auto !== undefined && (auto.signal !== 'margin' || store !== undefined);
  return {
    ways: hasAuto ? (['never', 'auto', 'always'] as const) : (['never', 'always'] as const),
    byDefault: think === 'auto' && !hasAuto ? 'always' : think,
  };
}
