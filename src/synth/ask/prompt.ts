import { InvalidInputError } from '../../errors.js';
import type { ChatMessage } from '../../llm/index.js';
import { contentKey } from '../content-key.js';

/** A prompt with places such as `{query}`, as it stands in the manifest. */
export interface PromptTemplate {
  readonly system: string;
  readonly user: string;
}

/** Fills the places of a prompt. What is filled in is not searched for places again: a text may have braces in it. */
export function fillPrompt(template: PromptTemplate, values: Readonly<Record<string, string>>): ChatMessage[] {
  const fill = (text: string) =>
    text.replace(/\{(\w+)\}/g, (place, name: string) => {
      const value = values[name];
      if (value === undefined) throw new InvalidInputError(`the prompt has a place ${place} that nothing fills.`);
      return value;
    });
  return [
    { role: 'system', content: fill(template.system) },
    { role: 'user', content: fill(template.user) },
  ];
}

/** A prompt as the manifest keeps it. */
export const describePrompt = (template: PromptTemplate) => ({ ...template, sha256: contentKey({ ...template }) });
