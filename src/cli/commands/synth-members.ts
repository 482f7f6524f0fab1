import { apiKeyFromEnvironment } from '../../api-key.js';
import { type CommitteeMember, type CommitteeProgress, parseMembers } from '../../synth/index.js';
import type { CliContext } from '../context.js';
import { fetchReporter, type ModelOptions } from '../load-embedder.js';
import { counted, startTask, type Task } from '../progress.js';

/** How members are reached, wherever one is named: by `--member`, `--round-trip` or `--judge`. */
export interface MemberAccessOptions extends Omit<ModelOptions, 'mode'> {
  readonly memberKeyEnv?: string;
}

/** Options of every command with a committee. */
export interface MembersOptions extends MemberAccessOptions {
  readonly member: readonly string[];
}

/** Hands members to `work`, with their progress shown. Nothing is loaded before its turn has come. */
export async function withMembers<T>(
  context: CliContext,
  names: readonly string[],
  options: MemberAccessOptions,
  work: (members: readonly CommitteeMember[], onProgress: (progress: CommitteeProgress) => void) => Promise<T>,
): Promise<T> {
  const { memberKeyEnv, model, adapter, offline } = options;
  const { signal } = context;
  const fetching = fetchReporter(context.stderr);
  const members = parseMembers(names, {
    loadSelf: () => context.loadEmbedder({ model, adapter, offline, signal, onFetch: fetching.onProgress }),
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

/** The same for one member. */
export const withMember = <T>(
  context: CliContext,
  name: string,
  options: MemberAccessOptions,
  work: (member: CommitteeMember, onProgress: (progress: CommitteeProgress) => void) => Promise<T>,
): Promise<T> => withMembers(context, [name], options, ([member], onProgress) => work(member!, onProgress));
