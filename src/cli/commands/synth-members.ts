import { apiKeyFromEnvironment } from '../../api-key.js';
import { type CommitteeMember, type CommitteeProgress, parseMembers } from '../../synth/index.js';
import type { CliContext } from '../context.js';
import { fetchReporter, type ModelOptions } from '../load-embedder.js';
import { counted, startTask, type Task } from '../progress.js';

/** Options of every command with a committee. */
export interface MembersOptions extends Omit<ModelOptions, 'mode'> {
  readonly member: readonly string[];
  readonly memberKeyEnv?: string;
}

/** Hands the committee to `work`, with its progress shown. Nothing is loaded before its turn has come. */
export async function withMembers<T>(
  context: CliContext,
  options: MembersOptions,
  work: (members: CommitteeMember[], onProgress: (progress: CommitteeProgress) => void) => Promise<T>,
): Promise<T> {
  const { member, memberKeyEnv, model, adapter, offline } = options;
  const { signal } = context;
  const fetching = fetchReporter(context.stderr);
  const members = parseMembers(member, {
    loadSelf: () => context.loadEmbedder({ model, adapter, offline, signal }),
    apiKey: memberKeyEnv === undefined ? undefined : apiKeyFromEnvironment(memberKeyEnv, context.environment),
    offline,
    onFetch: fetching.onProgress,
  });
  let label = '';
  let task: Task | undefined;
  try {
    return await work(members, ({ member, what, done, total }) => {
      if (label !== `${member}: ${what}`) {
        task?.stop();
        label = `${member}: ${what}`;
        task = startTask(context.stderr, member, counted(what));
      }
      task!.update({ done, total });
    });
  } finally {
    task?.stop();
    fetching.stop();
  }
}
